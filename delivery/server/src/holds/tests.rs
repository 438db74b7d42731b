//! What is held back, and let go.
