//! Learning curves as text, for `--watch`.

use pleura_train::journal::Line;

/// Width and height of a panel, in letters.
const WIDTH: usize = 60;
const HEIGHT: usize = 7;
/// A letter of Braille has two columns of four dots.
const DOTS: (usize, usize) = (2, 4);
/// Width of the numbers beside a panel.
const NUMBERS: usize = 8;

/// A quantity of an epoch.
type Figure = fn(&Line) -> Option<f64>;

/// A panel: its title, the curve drawn as a line, and the one drawn as points.
const PANELS: [(&str, Figure, Figure); 3] = [
    ("loss: ⠒ held out, · training", |line| line.validation_loss, |line| Some(line.loss)),
    ("Dice: ⠒ held out, · of positives", |line| line.dice, |line| line.dice_positives),
    ("AUC", |line| line.auc, |_| None),
];

/// The curves of a fold's epochs; empty before the second one.
pub fn draw(lines: &[Line]) -> String {
    let fold = lines.last().map(|line| line.fold);
    let epochs: Vec<&Line> = lines.iter().filter(|line| Some(line.fold) == fold).collect();
    if epochs.len() < 2 {
        return String::new();
    }
    PANELS.iter().filter_map(|panel| drawn(panel, &epochs)).collect::<Vec<_>>().join("\n")
}

/// A panel; `None` if there is nothing to draw.
fn drawn(&(title, solid, dotted): &(&str, Figure, Figure), epochs: &[&Line]) -> Option<String> {
    let values = |figure: Figure| epochs.iter().map(|line| figure(line).filter(|value| value.is_finite())).collect();
    let (solid, dotted): (Vec<Option<f64>>, Vec<Option<f64>>) = (values(solid), values(dotted));
    let all = || solid.iter().chain(&dotted).flatten().copied();
    let (low, high) = (all().reduce(f64::min)?, all().reduce(f64::max)?);
    let cells = Cells { low, span: (high - low).max(1e-9), epochs: epochs.len() };
    let letters = cells.letters(&solid, &dotted);
    let mut text = format!("{:NUMBERS$}  {title}", "");
    for (row, letters) in letters.iter().enumerate() {
        let number = match row {
            0 => format!("{high:.4}"),
            row if row + 1 == HEIGHT => format!("{low:.4}"),
            _ => String::new(),
        };
        text.push_str(&format!("\n{number:>NUMBERS$} │{}", letters.iter().collect::<String>().trim_end()));
    }
    Some(text)
}

/// Where values come among the letters of a panel.
struct Cells {
    low: f64,
    span: f64,
    epochs: usize,
}

impl Cells {
    fn letters(&self, solid: &[Option<f64>], dotted: &[Option<f64>]) -> Vec<Vec<char>> {
        let mut dots = vec![vec![0_u8; WIDTH]; HEIGHT];
        for (epoch, pair) in solid.windows(2).enumerate() {
            let (Some(from), Some(to)) = (pair[0], pair[1]) else { continue };
            let (start, end) = (self.column(epoch), self.column(epoch + 1));
            for column in start..=end {
                let share = (column - start) as f64 / (end - start).max(1) as f64;
                self.dot(&mut dots, column, from + share * (to - from));
            }
        }
        let mut letters: Vec<Vec<char>> = dots.into_iter().map(|row| row.into_iter().map(braille).collect()).collect();
        for (epoch, value) in dotted.iter().enumerate() {
            let Some(value) = value else { continue };
            let letter = &mut letters[self.row(*value) / DOTS.1][self.column(epoch) / DOTS.0];
            if *letter == ' ' {
                *letter = '·';
            }
        }
        letters
    }

    /// An epoch's column of dots.
    fn column(&self, epoch: usize) -> usize {
        epoch * (WIDTH * DOTS.0 - 1) / (self.epochs - 1).max(1)
    }

    /// A value's row of dots, from the top.
    fn row(&self, value: f64) -> usize {
        let last = (HEIGHT * DOTS.1 - 1) as f64;
        (last - last * (value - self.low) / self.span).round().clamp(0.0, last) as usize
    }

    fn dot(&self, dots: &mut [Vec<u8>], column: usize, value: f64) {
        /// The bits of Braille's dots, by row and column.
        const BITS: [[u8; 2]; 4] = [[1, 8], [2, 16], [4, 32], [64, 128]];
        let row = self.row(value);
        dots[row / DOTS.1][column / DOTS.0] |= BITS[row % DOTS.1][column % DOTS.0];
    }
}

fn braille(dots: u8) -> char {
    if dots == 0 { ' ' } else { char::from_u32(0x2800 + u32::from(dots)).unwrap_or(' ') }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(epoch: u32, validation: Option<f64>, dice: Option<f64>) -> Line {
        serde_json::from_value(serde_json::json!({
            "fold": 1, "phase": 0, "epoch": epoch, "step": epoch, "lr": 0.1, "loss": 1.0, "terms": {},
            "validation_loss": validation, "dice": dice, "dice_positives": null, "iou": null, "auc": null,
            "images_per_second": 1.0, "seconds": 1.0,
        }))
        .unwrap()
    }

    #[test]
    fn a_falling_loss_falls_from_the_upper_left_to_the_lower_right() {
        let lines: Vec<Line> = (0..5).map(|epoch| line(epoch, Some(1.0 - 0.2 * f64::from(epoch)), None)).collect();
        let text = draw(&lines);
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(rows.len(), 1 + HEIGHT, "one panel: there is no Dice\n{text}");
        let first = |row: &str| row.chars().position(|letter| ('\u{2801}'..='\u{28ff}').contains(&letter)).unwrap();
        assert!(rows[1].starts_with("  1.0000 │") && rows[HEIGHT].starts_with("  0.2000 │"), "{text}");
        assert!(rows[1..].windows(2).all(|two| first(two[0]) < first(two[1])), "{text}");
        assert!(rows[1].ends_with('·'), "the training's loss stays at 1\n{text}");
    }

    #[test]
    fn gaps_and_single_values_are_no_fault() {
        assert_eq!(draw(&[]), "");
        assert_eq!(draw(&[line(0, Some(1.0), None)]), "");
        let lines = [line(0, None, Some(0.5)), line(1, Some(0.5), Some(0.5)), line(2, Some(f64::NAN), None)];
        assert!(draw(&lines).contains("Dice"));
    }
}
