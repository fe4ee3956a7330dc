//! A text as a picture that a phone's camera reads.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use qrcodegen::{DataTooLong, QrCode, QrCodeEcc};

/// The light border that ISO/IEC 18004 asks for, in modules.
const BORDER: i32 = 4;

/// The QR code of `text`, as a `data:` URI of an SVG.
pub fn data_uri(text: &str) -> Result<String, DataTooLong> {
    let svg = svg(&QrCode::encode_text(text, QrCodeEcc::Medium)?);
    Ok(format!("data:image/svg+xml;base64,{}", STANDARD.encode(svg)))
}

fn svg(code: &QrCode) -> String {
    let size = code.size() + 2 * BORDER;
    let mut dark = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            // Writing to a string cannot fail.
            let _ = write!(dark, "M{} {}h1v1h-1z", x + BORDER, y + BORDER);
        }
    }
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{size}v{size}H0z"/><path d="{dark}"/></svg>"##
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dark_module_is_drawn_once_inside_the_border() {
        let code = QrCode::encode_text("otpauth://totp/x", QrCodeEcc::Medium).unwrap();
        let drawn = svg(&code);
        let modules = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
        let dark = modules.filter(|(x, y)| code.get_module(*x, *y)).count();
        assert_eq!(drawn.matches("h1v1h-1z").count(), dark);
        assert!(drawn.contains("M4 4h1"), "the finder's corner: {drawn}");
        assert!(data_uri(&"x".repeat(5000)).is_err());
    }
}
