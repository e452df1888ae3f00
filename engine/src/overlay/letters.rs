//! A dot-matrix font for captions.

use image::{Rgb, RgbImage};

/// Draws text with its upper left corner at (x, y), in dots of `dot` pixels; letters beyond `end` are left out.
pub fn write(picture: &mut RgbImage, text: &str, (x, y): (usize, usize), dot: usize, color: Rgb<u8>, end: usize) {
    for (index, letter) in text.chars().enumerate() {
        let left = x + index * 6 * dot;
        if left + 5 * dot > end {
            return;
        }
        // these descend below the baseline
        let y = if "gpqyj,".contains(letter) { y + 2 * dot } else { y };
        for (row, bits) in glyph(letter.to_ascii_lowercase()).into_iter().enumerate() {
            for column in (0..5).filter(|column| bits & (16 >> column) != 0) {
                for (dx, dy) in (0..dot).flat_map(|dx| (0..dot).map(move |dy| (dx, dy))) {
                    picture.put_pixel((left + column * dot + dx) as u32, (y + row * dot + dy) as u32, color);
                }
            }
        }
    }
}

/// A letter as seven rows of five dots, the leftmost dot being 16; unknown ones are blank.
fn glyph(letter: char) -> [u8; 7] {
    match letter {
        'a' => [0, 0, 14, 1, 15, 17, 15],
        'b' => [16, 16, 22, 25, 17, 17, 30],
        'c' => [0, 0, 14, 16, 16, 17, 14],
        'd' => [1, 1, 13, 19, 17, 17, 15],
        'e' => [0, 0, 14, 17, 31, 16, 14],
        'f' => [6, 9, 8, 28, 8, 8, 8],
        'g' => [15, 17, 17, 17, 15, 1, 14],
        'h' => [16, 16, 22, 25, 17, 17, 17],
        'i' => [4, 0, 12, 4, 4, 4, 14],
        'j' => [1, 1, 1, 1, 1, 17, 14],
        'k' => [16, 16, 18, 20, 24, 20, 18],
        'l' => [12, 4, 4, 4, 4, 4, 14],
        'm' => [0, 0, 26, 21, 21, 17, 17],
        'n' => [0, 0, 22, 25, 17, 17, 17],
        'o' => [0, 0, 14, 17, 17, 17, 14],
        'p' => [30, 17, 17, 17, 30, 16, 16],
        'q' => [15, 17, 17, 17, 15, 1, 1],
        'r' => [0, 0, 22, 25, 16, 16, 16],
        's' => [0, 0, 15, 16, 14, 1, 30],
        't' => [8, 8, 28, 8, 8, 9, 6],
        'u' => [0, 0, 17, 17, 17, 19, 13],
        'v' => [0, 0, 17, 17, 17, 10, 4],
        'w' => [0, 0, 17, 17, 21, 21, 10],
        'x' => [0, 0, 17, 10, 4, 10, 17],
        'y' => [17, 17, 17, 17, 15, 1, 14],
        'z' => [0, 0, 31, 2, 4, 8, 31],
        '0' => [14, 17, 19, 21, 25, 17, 14],
        '1' => [4, 12, 4, 4, 4, 4, 14],
        '2' => [14, 17, 1, 2, 4, 8, 31],
        '3' => [31, 2, 4, 2, 1, 17, 14],
        '4' => [2, 6, 10, 18, 31, 2, 2],
        '5' => [31, 16, 30, 1, 1, 17, 14],
        '6' => [6, 8, 16, 30, 17, 17, 14],
        '7' => [31, 1, 2, 4, 8, 8, 8],
        '8' => [14, 17, 17, 14, 17, 17, 14],
        '9' => [14, 17, 17, 15, 1, 2, 12],
        '.' => [0, 0, 0, 0, 0, 12, 12],
        ',' => [0, 0, 0, 12, 12, 4, 8],
        ':' => [0, 12, 12, 0, 12, 12, 0],
        '-' => [0, 0, 0, 14, 0, 0, 0],
        '_' => [0, 0, 0, 0, 0, 0, 31],
        '>' => [8, 4, 2, 1, 2, 4, 8],
        '=' => [0, 0, 31, 0, 31, 0, 0],
        '/' => [1, 1, 2, 4, 8, 16, 16],
        '(' => [2, 4, 8, 8, 8, 4, 2],
        ')' => [8, 4, 2, 2, 2, 4, 8],
        '%' => [24, 25, 2, 4, 8, 19, 3],
        '+' => [0, 4, 4, 31, 4, 4, 0],
        _ => [0; 7],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_digits_and_what_names_are_made_of_can_be_drawn_and_told_apart() {
        let letters: Vec<char> = ('a'..='z').chain('0'..='9').chain(".,:-_>=/()%+".chars()).collect();
        for (index, &letter) in letters.iter().enumerate() {
            assert_ne!(glyph(letter), [0; 7], "{letter}");
            let same = letters[..index].iter().find(|&&other| glyph(other) == glyph(letter));
            // These differ only by their position.
            assert!(same.is_none(), "{letter} is drawn as {same:?}");
        }
    }

    #[test]
    fn text_stays_within_its_end() {
        let mut picture = RgbImage::new(40, 20);
        write(&mut picture, "pleura", (1, 1), 1, Rgb([255; 3]), 20);
        let last = picture.enumerate_pixels().filter(|(_, _, p)| p.0[0] > 0).map(|(x, _, _)| x).max();
        assert!(last.is_some_and(|x| (12..20).contains(&x)), "{last:?}");
    }
}
