//! Reading base64 as Jackson does: blanks before a group of four are skipped, padding must be there, and more groups
//! may follow it. Writing needs none of this.

/// Returns the bytes, or the reason why the text is none.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|char| char <= ' ');
        if rest.is_empty() {
            return Ok(out);
        }
        rest = group(rest, &mut out)?;
    }
}

/// Reads one group; returns what follows it.
fn group<'a>(text: &'a str, out: &mut Vec<u8>) -> Result<&'a str, String> {
    let mut bits: u32 = 0;
    let mut chars = text.chars();
    for place in 0..4 {
        let Some(char) = chars.next() else {
            return Err("unexpected end of base64 text, expects padding".to_string());
        };
        match sextet(char) {
            Some(sextet) => bits = bits << 6 | sextet,
            None if char == '=' && place == 3 => {
                out.extend_from_slice(&[(bits >> 10) as u8, (bits >> 2) as u8]);
                return Ok(chars.as_str());
            }
            None if char == '=' && place == 2 => {
                if chars.next() != Some('=') {
                    return Err("expected a second padding character '='".to_string());
                }
                out.push((bits >> 4) as u8);
                return Ok(chars.as_str());
            }
            None => return Err(format!("illegal character {char:?} in base64 text")),
        }
    }
    out.extend_from_slice(&[(bits >> 16) as u8, (bits >> 8) as u8, bits as u8]);
    Ok(chars.as_str())
}

fn sextet(char: char) -> Option<u32> {
    Some(match char {
        'A'..='Z' => u32::from(char) - u32::from('A'),
        'a'..='z' => u32::from(char) - u32::from('a') + 26,
        '0'..='9' => u32::from(char) - u32::from('0') + 52,
        '+' => 62,
        '/' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&[u8]>) {
        assert_eq!(decode(text).ok().as_deref(), expected, "{text}");
    }

    #[test]
    fn padding_must_be_there_and_blanks_only_between_groups() {
        check("", Some(b""));
        check(" AQID\nBA== ", Some(&[1, 2, 3, 4]));
        check("AQ==AQI=", Some(&[1, 1, 2]));
        check("AP+/", Some(&[0, 0xff, 0xbf]));
        for broken in ["AQI", "AQ=", "A=", "=", "A Q=", "AQ_-", "***"] {
            check(broken, None);
        }
    }
}
