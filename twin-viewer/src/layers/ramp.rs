//! Colour ramps that rise evenly for the eye and survive colour blindness: anchors are
//! sRGB, between them the way leads through OKLab.

/// A colour ramp.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ramp(&'static [[u8; 3]]);

/// Dark blue through grey to yellow (after cividis, without its darkest end, which a dark
/// page would swallow).
pub const CIVIDIS: Ramp = Ramp(&[
    [30, 62, 112],
    [72, 82, 108],
    [104, 107, 113],
    [138, 134, 120],
    [172, 163, 115],
    [208, 192, 98],
    [247, 223, 74],
]);
/// Violet-blue through green to yellow (after viridis, without its darkest end).
pub const VIRIDIS: Ramp = Ramp(&[
    [66, 62, 133],
    [49, 104, 142],
    [38, 130, 142],
    [31, 158, 137],
    [53, 183, 121],
    [110, 206, 88],
    [181, 222, 43],
    [253, 231, 37],
]);
/// Deep to pale blue.
pub const ICE: Ramp =
    Ramp(&[[38, 62, 92], [58, 98, 132], [92, 140, 170], [146, 184, 202], [226, 238, 240]]);
/// Blue for cold, grey for comfortable, orange for warm.
pub const THERMAL: Ramp =
    Ramp(&[[38, 98, 184], [110, 150, 200], [196, 199, 200], [214, 150, 92], [208, 96, 16]]);

impl Ramp {
    /// The colour at 0…1; outside, that of the end.
    pub fn at(self, t: f64) -> [u8; 3] {
        let last = self.0.len() - 1;
        let t = if t.is_nan() { 0.0 } else { t.clamp(0.0, 1.0) };
        let place = t * last as f64;
        let low = (place.floor() as usize).min(last - 1);
        let (a, b) = (oklab(self.0[low]), oklab(self.0[low + 1]));
        let part = place - low as f64;
        srgb([0, 1, 2].map(|i| a[i] + (b[i] - a[i]) * part))
    }

    /// The ramp as a CSS gradient from bottom to top or left to right.
    pub fn css(self, direction: &str) -> String {
        let stops: Vec<String> = (0..=16)
            .map(|step| {
                let [r, g, b] = self.at(f64::from(step) / 16.0);
                format!("rgb({r} {g} {b})")
            })
            .collect();
        format!("linear-gradient({direction}, {})", stops.join(", "))
    }
}

/// sRGB to OKLab (Björn Ottosson).
fn oklab(color: [u8; 3]) -> [f64; 3] {
    let [r, g, b] = color.map(|channel| {
        let c = f64::from(channel) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    });
    let l = (0.412_221_470_8 * r + 0.536_332_536_3 * g + 0.051_445_992_9 * b).cbrt();
    let m = (0.211_903_498_2 * r + 0.680_699_545_1 * g + 0.107_396_956_6 * b).cbrt();
    let s = (0.088_302_461_9 * r + 0.281_718_837_6 * g + 0.629_978_700_5 * b).cbrt();
    [
        0.210_454_255_3 * l + 0.793_617_785 * m - 0.004_072_046_8 * s,
        1.977_998_495_1 * l - 2.428_592_205 * m + 0.450_593_709_9 * s,
        0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766 * s,
    ]
}

fn srgb([l, a, b]: [f64; 3]) -> [u8; 3] {
    let x = (l + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let y = (l - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let z = (l - 0.089_484_177_5 * a - 1.291_485_548 * b).powi(3);
    [
        4.076_741_662_1 * x - 3.307_711_591_3 * y + 0.230_969_929_2 * z,
        -1.268_438_004_6 * x + 2.609_757_401_1 * y - 0.341_319_396_5 * z,
        -0.004_196_086_3 * x - 0.703_418_614_7 * y + 1.707_614_701 * z,
    ]
    .map(|c| {
        let c = if c <= 0.003_130_8 { 12.92 * c } else { 1.055 * c.powf(1.0 / 2.4) - 0.055 };
        (c.clamp(0.0, 1.0) * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(ramp: Ramp) -> Vec<f64> {
        let colors: Vec<[f64; 3]> = (0..=20).map(|i| oklab(ramp.at(f64::from(i) / 20.0))).collect();
        let distance = |a: &[f64; 3], b: &[f64; 3]| {
            a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
        };
        colors.windows(2).map(|pair| distance(&pair[0], &pair[1])).collect()
    }

    #[test]
    fn equal_steps_look_about_equal() {
        for (name, ramp) in
            [("cividis", CIVIDIS), ("viridis", VIRIDIS), ("ice", ICE), ("thermal", THERMAL)]
        {
            let steps = steps(ramp);
            let mean = steps.iter().sum::<f64>() / steps.len() as f64;
            for (at, step) in steps.iter().enumerate() {
                assert!(
                    (0.45..2.0).contains(&(step / mean)),
                    "{name} step {at}: {:.2} of the mean",
                    step / mean
                );
            }
        }
    }

    #[test]
    fn sequential_ramps_get_lighter_all_the_way() {
        for ramp in [CIVIDIS, VIRIDIS, ICE] {
            let light: Vec<f64> =
                (0..=20).map(|i| oklab(ramp.at(f64::from(i) / 20.0))[0]).collect();
            assert!(light.windows(2).all(|pair| pair[0] < pair[1]), "{light:?}");
        }
    }

    #[test]
    fn ends_hold_and_anchors_are_met() {
        assert_eq!(THERMAL.at(-1.0), [38, 98, 184]);
        assert_eq!(THERMAL.at(0.5), [196, 199, 200]);
        assert_eq!(THERMAL.at(9.0), [208, 96, 16]);
        assert_eq!(THERMAL.at(f64::NAN), THERMAL.at(0.0));
    }
}
