package ledger

type Account struct {
	ID      string `json:"id"`
	Cents   int64  `json:"cents"`
	Limit   int64  `json:"limit"`
	Version int64  `json:"version"`
}

type Transfer struct {
	From  string `json:"from"`
	To    string `json:"to"`
	Cents int64  `json:"cents"`
}

type Deposit struct {
	Key     string `json:"-"`
	Account string `json:"account"`
	Cents   int64  `json:"cents"`
}

type TopUp struct {
	Account string `json:"account"`
	Cents   int64  `json:"cents"`
}
