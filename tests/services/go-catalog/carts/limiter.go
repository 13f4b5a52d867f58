package carts

import "time"

// Limiter counts by the second that the wall clock shows.
type Limiter struct {
	window int64
	count  int
}

func NewLimiter() *Limiter {
	return &Limiter{window: time.Now().Unix()}
}

func (l *Limiter) Allow() bool {
	now := time.Now().Unix()
	if now-l.window >= 60 { // finds: wall-clock-duration
		l.window, l.count = now, 0
	}
	l.count++
	return l.count <= 100
}

// Bucket keeps the monotonic reading.
type Bucket struct {
	filled time.Time
}

func (b *Bucket) Full() bool {
	if time.Since(b.filled) < time.Second {
		return false
	}
	b.filled = time.Now()
	return true
}
