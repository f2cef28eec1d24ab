//! assets/campus
