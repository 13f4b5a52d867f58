//! A layered layout, from left to right (Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical
//! system structures", 1981): break cycles, assign layers, order each layer, place.
//!
//! The work is bounded whatever the graph: each sweep is linear but for sorting, and the number of sweeps is fixed.

/// Where things stand, in pixels.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Layout {
    /// The left edge and the middle of each node's height.
    pub(crate) nodes: Vec<(f64, f64)>,
    /// The points that each edge goes through, between its ends.
    pub(crate) bends: Vec<Vec<(f64, f64)>>,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// Between two layers, and between two nodes of a layer.
const GAP_X: f64 = 110.0;
const GAP_Y: f64 = 14.0;
/// Sweeps over all layers, to and fro.
const SWEEPS: usize = 12;
/// Edges over more layers than that are drawn straight.
const LONGEST: usize = 12;
/// What an edge takes up where it passes a layer.
const PASSING: f64 = 6.0;

/// Places nodes of these widths and one `height`.
pub(crate) fn layout(widths: &[f64], height: f64, edges: &[(usize, usize)]) -> Layout {
    let forward = acyclic(widths.len(), edges);
    let layer = layers(widths.len(), &forward);
    let mut grid = Grid::new(widths.len(), &layer);
    let chains: Vec<Vec<usize>> = forward.iter().map(|&(from, to)| grid.chain(from, to)).collect();
    let size = |vertex: usize| if vertex < widths.len() { height } else { PASSING };
    grid.order();
    let middles = grid.place(&size);
    let mut left = vec![0.0; grid.layers.len()];
    let mut at = 0.0;
    for (number, vertices) in grid.layers.iter().enumerate() {
        left[number] = at;
        at += vertices.iter().filter_map(|vertex| widths.get(*vertex)).fold(0.0, |a: f64, b| a.max(*b)) + GAP_X;
    }
    let point = |vertex: usize| (left[grid.layer[vertex]], middles[vertex]);
    let bends = chains.iter().zip(edges).zip(&forward).map(|((chain, edge), forward)| {
        let points = chain.iter().map(|&vertex| point(vertex));
        if edge == forward { points.collect() } else { points.rev().collect() }
    });
    Layout {
        nodes: (0..widths.len()).map(point).collect(),
        bends: bends.collect(),
        width: (at - GAP_X).max(0.0),
        height: middles.iter().fold(0.0, |most: f64, middle| most.max(*middle)) + height / 2.0,
    }
}

/// The edges, those turned round that close a cycle of a walk in depth from the first node on.
fn acyclic(count: usize, edges: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut out: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (number, (from, _)) in edges.iter().enumerate() {
        out[*from].push(number);
    }
    let mut forward = edges.to_vec();
    // 0: not seen, 1: on the path, 2: done.
    let mut state = vec![0u8; count];
    let mut has_caller = vec![false; count];
    for (from, to) in edges.iter().filter(|(from, to)| from != to) {
        has_caller[*to] |= from != to;
    }
    // From what nothing leads to, so that it stands on the left.
    let roots = (0..count).filter(|at| !has_caller[*at]).chain((0..count).filter(|at| has_caller[*at]));
    for root in roots {
        if state[root] != 0 {
            continue;
        }
        let mut path = vec![(root, 0)];
        state[root] = 1;
        while let Some((node, next)) = path.last_mut() {
            let Some(&number) = out[*node].get(*next) else {
                state[*node] = 2;
                path.pop();
                continue;
            };
            *next += 1;
            let to = edges[number].1;
            match state[to] {
                0 => {
                    state[to] = 1;
                    path.push((to, 0));
                }
                1 => forward[number] = (to, *node),
                _ => {}
            }
        }
    }
    forward
}

/// Each node one layer behind the last of those that lead to it.
fn layers(count: usize, forward: &[(usize, usize)]) -> Vec<usize> {
    let mut out: Vec<Vec<usize>> = vec![Vec::new(); count];
    let mut open = vec![0usize; count];
    for &(from, to) in forward.iter().filter(|(from, to)| from != to) {
        out[from].push(to);
        open[to] += 1;
    }
    let mut layer = vec![0; count];
    let mut ready: Vec<usize> = (0..count).filter(|at| open[*at] == 0).collect();
    while let Some(node) = ready.pop() {
        for &next in &out[node] {
            layer[next] = layer[next].max(layer[node] + 1);
            open[next] -= 1;
            if open[next] == 0 {
                ready.push(next);
            }
        }
    }
    layer
}

/// Nodes, and behind them the points where long edges pass a layer.
struct Grid {
    layer: Vec<usize>,
    layers: Vec<Vec<usize>>,
    before: Vec<Vec<usize>>,
    behind: Vec<Vec<usize>>,
}

impl Grid {
    fn new(count: usize, layer: &[usize]) -> Self {
        let mut layers = vec![Vec::new(); layer.iter().max().map_or(0, |last| last + 1)];
        for (node, &layer) in layer.iter().enumerate() {
            layers[layer].push(node);
        }
        Grid { layer: layer.to_vec(), layers, before: vec![Vec::new(); count], behind: vec![Vec::new(); count] }
    }

    /// The points that the edge passes.
    fn chain(&mut self, from: usize, to: usize) -> Vec<usize> {
        let passed = self.layer[from] + 1..self.layer[to];
        let passed = if passed.len() > LONGEST { 0..0 } else { passed };
        let mut chain = Vec::new();
        let mut last = from;
        for layer in passed {
            let vertex = self.layer.len();
            self.layer.push(layer);
            self.layers[layer].push(vertex);
            self.before.push(Vec::new());
            self.behind.push(Vec::new());
            self.join(last, vertex);
            chain.push(vertex);
            last = vertex;
        }
        self.join(last, to);
        chain
    }

    fn join(&mut self, from: usize, to: usize) {
        if from != to {
            self.behind[from].push(to);
            self.before[to].push(from);
        }
    }

    /// Orders each layer by the mean position of what its vertices are joined to, layer by layer, to and fro.
    fn order(&mut self) {
        let mut position = vec![0.0; self.layer.len()];
        let number = |layer: &[usize], position: &mut [f64]| {
            for (at, vertex) in layer.iter().enumerate() {
                position[*vertex] = (at as f64 + 0.5) / layer.len() as f64;
            }
        };
        self.layers.iter().for_each(|layer| number(layer, &mut position));
        for sweep in 0..SWEEPS {
            for step in 0..self.layers.len() {
                let at = if sweep % 2 == 0 { step } else { self.layers.len() - 1 - step };
                let beside = if sweep % 2 == 0 { &self.before } else { &self.behind };
                let wish = |vertex: usize| mean(&beside[vertex], &position).unwrap_or(position[vertex]);
                let mut wishes: Vec<(f64, usize)> =
                    self.layers[at].iter().map(|&vertex| (wish(vertex), vertex)).collect();
                wishes.sort_by(|a, b| a.0.total_cmp(&b.0));
                self.layers[at] = wishes.into_iter().map(|(_, vertex)| vertex).collect();
                number(&self.layers[at], &mut position);
            }
        }
    }

    /// The middle of each vertex: near the mean of what it is joined to, and clear of its neighbours.
    fn place(&self, size: &impl Fn(usize) -> f64) -> Vec<f64> {
        let apart = |a: usize, b: usize| (size(a) + size(b)) / 2.0 + GAP_Y;
        let mut middle = vec![0.0; self.layer.len()];
        for layer in &self.layers {
            let mut at = 0.0;
            for (number, &vertex) in layer.iter().enumerate() {
                at += if number == 0 { size(vertex) / 2.0 } else { apart(layer[number - 1], vertex) };
                middle[vertex] = at;
            }
        }
        for sweep in 0..SWEEPS {
            for step in 0..self.layers.len() {
                let at = if sweep % 2 == 0 { step } else { self.layers.len() - 1 - step };
                let layer = &self.layers[at];
                let wishes: Vec<f64> = layer
                    .iter()
                    .map(|&vertex| {
                        let both = [mean(&self.before[vertex], &middle), mean(&self.behind[vertex], &middle)];
                        let known: Vec<f64> = both.into_iter().flatten().collect();
                        known.iter().sum::<f64>() / known.len().max(1) as f64
                            + if known.is_empty() { middle[vertex] } else { 0.0 }
                    })
                    .collect();
                // As near below the wish, and as near above, as the order allows; then half way.
                let (mut down, mut up) = (wishes.clone(), wishes);
                for number in 1..layer.len() {
                    down[number] = down[number].max(down[number - 1] + apart(layer[number - 1], layer[number]));
                }
                for number in (1..layer.len()).rev() {
                    up[number - 1] = up[number - 1].min(up[number] - apart(layer[number - 1], layer[number]));
                }
                for (number, &vertex) in layer.iter().enumerate() {
                    middle[vertex] = (down[number] + up[number]) / 2.0;
                }
            }
        }
        let top = (0..middle.len()).map(|vertex| middle[vertex] - size(vertex) / 2.0).fold(f64::INFINITY, f64::min);
        if top.is_finite() {
            middle.iter_mut().for_each(|middle| *middle -= top);
        }
        middle
    }
}

fn mean(vertices: &[usize], of: &[f64]) -> Option<f64> {
    (!vertices.is_empty()).then(|| vertices.iter().map(|vertex| of[*vertex]).sum::<f64>() / vertices.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_lead_to_the_right_and_nodes_do_not_touch() {
        // A diamond, an edge over a layer, a cycle, an edge to itself, a node alone.
        let edges = [(0, 1), (0, 2), (1, 3), (2, 3), (0, 3), (3, 1), (1, 1), (4, 2)];
        let widths = [50.0, 80.0, 20.0, 50.0, 50.0, 50.0];
        let placed = layout(&widths, 20.0, &edges);
        for (from, to) in [(0, 1), (0, 2), (1, 3), (2, 3), (0, 3), (4, 2)] {
            assert!(placed.nodes[from].0 + widths[from] < placed.nodes[to].0, "{from} {to}: {placed:?}");
        }
        for a in 0..widths.len() {
            for b in 0..a {
                let (a, b) = (placed.nodes[a], placed.nodes[b]);
                assert!(a.0 != b.0 || (a.1 - b.1).abs() >= 20.0, "{placed:?}");
            }
        }
        assert_eq!((placed.bends[4].len(), placed.bends[5].len()), (1, 0));
        assert_eq!(placed, layout(&widths, 20.0, &edges));
        assert_eq!(layout(&[], 20.0, &[]).width, 0.0);
    }

    #[test]
    fn deep_and_wide_graphs_are_placed_in_time() {
        let chain: Vec<(usize, usize)> = (0..20_000).map(|at| (at, at + 1)).collect();
        assert_eq!(layout(&vec![10.0; 20_001], 10.0, &chain).nodes.len(), 20_001);
        let skips: Vec<(usize, usize)> = (0..2_000).flat_map(|at| (at + 1..at + 9).map(move |to| (at, to))).collect();
        assert_eq!(layout(&vec![10.0; 2_010], 10.0, &skips).bends.len(), skips.len());
    }
}
