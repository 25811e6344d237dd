//! The order within each layer, so that few lines cross.

/// Rounds of the barycenter method.
const ROUNDS: usize = 24;

/// Cells of each layer from left to right.
pub(super) type Rows = Vec<Vec<usize>>;

/// Orders the cells of layers by the barycenter method (Sugiyama and others 1981): alternately from the top and from
/// the bottom, each cell goes to the mean place of its neighbours in the layer before; the best order met is kept.
/// `above` and `below` are each cell's neighbours.
pub(super) fn ordered(mut rows: Rows, above: &[Vec<usize>], below: &[Vec<usize>]) -> Rows {
    let mut place = vec![0.0; above.len()];
    for row in &rows {
        number(row, &mut place);
    }
    let mut best = (crossings(&rows, below, &place), rows.clone());
    for round in 0..ROUNDS {
        let down = round % 2 == 0;
        for step in 0..rows.len() {
            let at = if down { step } else { rows.len() - 1 - step };
            let neighbours = if down { above } else { below };
            let mean = |cell: &usize| match neighbours[*cell].as_slice() {
                [] => place[*cell],
                near => near.iter().map(|near| place[*near]).sum::<f64>() / near.len() as f64,
            };
            let mut keyed: Vec<(f64, usize)> = rows[at].iter().map(|cell| (mean(cell), *cell)).collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            rows[at] = keyed.into_iter().map(|(_, cell)| cell).collect();
            number(&rows[at], &mut place);
        }
        let crossed = crossings(&rows, below, &place);
        if crossed < best.0 {
            best = (crossed, rows.clone());
        }
        if best.0 == 0 {
            break;
        }
    }
    best.1
}

fn number(row: &[usize], place: &mut [f64]) {
    for (at, cell) in row.iter().enumerate() {
        place[*cell] = at as f64;
    }
}

/// Pairs of lines between neighbouring layers that cross.
fn crossings(rows: &Rows, below: &[Vec<usize>], place: &[f64]) -> usize {
    let mut crossed = 0;
    for row in rows {
        let mut ends: Vec<f64> = Vec::new();
        for cell in row {
            let mut own: Vec<f64> = below[*cell].iter().map(|to| place[*to]).collect();
            own.sort_by(f64::total_cmp);
            let places: Vec<usize> = own.iter().map(|end| ends.partition_point(|e| e <= end)).collect();
            crossed += places.iter().map(|at| ends.len() - at).sum::<usize>();
            for end in own {
                let at = ends.partition_point(|e| *e <= end);
                ends.insert(at, end);
            }
        }
    }
    crossed
}
