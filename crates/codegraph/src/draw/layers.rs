//! Which box lies in which layer: cycles are opened, then each box lies below all that lead to it.

/// For each box its layer, and for each arrow whether it is drawn upwards.
#[derive(Debug)]
pub(super) struct Layers {
    pub(super) of: Vec<usize>,
    pub(super) upward: Vec<bool>,
}

impl Layers {
    /// Boxes `0..boxes` and arrows between them. Arrows that close a cycle of a depth-first search in the order of
    /// numbers go upwards; for the others layers are longest ways from the top (Eades and Sugiyama 1990), and what nothing
    /// leads to lies right above the first thing that it leads to.
    pub(super) fn of(boxes: usize, arrows: &[(usize, usize)]) -> Self {
        let mut out = vec![Vec::new(); boxes];
        for (number, (from, to)) in arrows.iter().enumerate() {
            if from != to {
                out[*from].push((number, *to));
            }
        }
        let mut upward = vec![false; arrows.len()];
        let order = finished_last_first(&out, &mut upward);
        let mut of = vec![0usize; boxes];
        let mut led_to = vec![false; boxes];
        for from in &order {
            for (number, to) in &out[*from] {
                // An upward arrow counts the other way round, once its upper end is placed.
                if !upward[*number] {
                    of[*to] = of[*to].max(of[*from] + 1);
                    led_to[*to] = true;
                }
            }
        }
        for from in 0..boxes {
            let below = out[from].iter().filter(|(number, _)| !upward[*number]);
            let nearest = below.map(|(_, to)| of[*to]).min();
            if let Some(nearest) = nearest.filter(|_| !led_to[from]) {
                of[from] = nearest.saturating_sub(1);
            }
        }
        Self { of, upward }
    }
}

/// A depth-first search with a stack of its own: marks the arrows that lead back to where the search is, and gives the
/// boxes so that all other arrows lead from earlier to later ones.
fn finished_last_first(out: &[Vec<(usize, usize)>], upward: &mut [bool]) -> Vec<usize> {
    #[derive(Clone, Copy, PartialEq)]
    enum Visit {
        Not,
        Open,
        Done,
    }
    let mut visit = vec![Visit::Not; out.len()];
    let mut order = Vec::with_capacity(out.len());
    let mut led_to = vec![false; out.len()];
    for (_, to) in out.iter().flatten() {
        led_to[*to] = true;
    }
    // First where nothing leads to: the natural beginnings.
    let mut roots: Vec<usize> = (0..out.len()).collect();
    roots.sort_by_key(|node| led_to[*node]);
    for root in roots {
        if visit[root] != Visit::Not {
            continue;
        }
        let mut path = vec![(root, 0)];
        visit[root] = Visit::Open;
        while let Some((node, next)) = path.last_mut() {
            let Some((number, to)) = out[*node].get(*next) else {
                visit[*node] = Visit::Done;
                order.push(*node);
                path.pop();
                continue;
            };
            *next += 1;
            match visit[*to] {
                Visit::Not => {
                    visit[*to] = Visit::Open;
                    path.push((*to, 0));
                }
                Visit::Open => upward[*number] = true,
                Visit::Done => {}
            }
        }
    }
    order.reverse();
    order
}
