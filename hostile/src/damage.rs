//! Damage to texts and bytes.

use crate::Chance;

/// A text with one fault, as editors, merges and disks make them: a line is gone, a block stands twice, the rest is cut off,
/// some bytes are others, the encoding is another.
pub fn in_one_place(text: &str, chance: &mut Chance) -> String {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    if lines.is_empty() {
        return String::new();
    }
    let at = chance.below(lines.len());
    match chance.below(5) {
        0 => drop(lines.remove(at)),
        1 => {
            let end = (at + 1 + chance.below(20)).min(lines.len());
            let block = lines[at..end].to_vec();
            lines.splice(at..at, block);
        }
        2 => {
            let bytes = text.as_bytes();
            return String::from_utf8_lossy(&bytes[..chance.below(bytes.len())]).into_owned();
        }
        3 => return String::from_utf8_lossy(&with_other_bytes(text.as_bytes(), chance)).into_owned(),
        // As an editor of another encoding would show it.
        _ => return text.bytes().map(char::from).collect(),
    }
    lines.concat()
}

/// A text in which one to four pieces (a word, or a sign) are dropped, doubled, or swapped for those of another text.
pub fn in_pieces(text: &str, other: &str, chance: &mut Chance) -> String {
    let pieces = |text| -> Vec<&str> { str::split_inclusive(text, |c: char| !c.is_alphanumeric()).collect() };
    let (mut damaged, other) = (pieces(text), pieces(other));
    for _ in 0..1 + chance.below(4) {
        if damaged.is_empty() || other.is_empty() {
            break;
        }
        let (at, piece) = (chance.below(damaged.len()), other[chance.below(other.len())]);
        match chance.below(5) {
            0 => drop(damaged.remove(at)),
            1 => damaged.insert(at, damaged[at]),
            2 => damaged[at] = piece,
            3 => damaged.insert(at, piece),
            _ => damaged.truncate(at),
        }
    }
    damaged.concat()
}

/// Bytes of which up to eight in a row are others.
pub fn with_other_bytes(bytes: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let from = chance.below(bytes.len());
    for byte in bytes.iter_mut().skip(from).take(1 + chance.below(8)) {
        *byte = chance.below(256) as u8;
    }
    bytes
}

/// Bytes damaged in any of these ways, cut off, or with numbers in them that are as large or small as can be.
pub fn of_any_kind(bytes: &[u8], other: &[u8], is_text: bool, chance: &mut Chance) -> Vec<u8> {
    if is_text {
        let (text, other) = (String::from_utf8_lossy(bytes), String::from_utf8_lossy(other));
        return match chance.below(8) {
            0..4 => in_pieces(&text, &other, chance).into_bytes(),
            4..7 => in_one_place(&text, chance).into_bytes(),
            _ => with_other_bytes(bytes, chance),
        };
    }
    let mut damaged = bytes.to_vec();
    for _ in 0..1 + chance.below(3) {
        match chance.below(4) {
            0 => damaged.truncate(chance.below(damaged.len())),
            1 => {
                let at = chance.below(damaged.len() / 4) * 4;
                let numbers = [0, 1, u32::MAX, u32::MAX >> 1, chance.below(1 << 16) as u32];
                let number = numbers[chance.below(numbers.len())].to_le_bytes();
                damaged.iter_mut().skip(at).zip(number).for_each(|(byte, new)| *byte = new);
            }
            _ => damaged = with_other_bytes(&damaged, chance),
        }
    }
    damaged
}
