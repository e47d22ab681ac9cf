//! What is made of many measurements of one thing: the median, and the tenth percentile for a machine that others use, too.

/// Measurements of one thing, in microseconds.
#[derive(Debug, Clone, Default)]
pub struct Sample(Vec<f64>);

impl Sample {
    /// Takes one in.
    pub fn add(&mut self, value: f64) {
        let at = self.0.partition_point(|v| v.total_cmp(&value).is_lt());
        self.0.insert(at, value);
    }

    /// The value below which this part of them lies; NaN when there is none.
    pub fn part(&self, part: f64) -> f64 {
        let last = self.0.len().saturating_sub(1) as f64;
        self.0.get((last * part).round() as usize).copied().unwrap_or(f64::NAN)
    }

    /// The one in the middle.
    pub fn median(&self) -> f64 {
        self.part(0.5)
    }

    /// The one that a tenth of them are below.
    pub fn p10(&self) -> f64 {
        self.part(0.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_and_p10_are_of_the_sorted_values() {
        let mut sample = Sample::default();
        [9.0, 1.0, 5.0, 3.0, 7.0, 11.0, 2.0, 4.0, 8.0, 6.0, 10.0].iter().for_each(|v| sample.add(*v));
        assert_eq!((sample.median(), sample.p10(), sample.part(1.0)), (6.0, 2.0, 11.0));
        assert!(Sample::default().median().is_nan());
    }
}
