"""The APIs that clients already speak, one room each: they translate, the core decides."""
