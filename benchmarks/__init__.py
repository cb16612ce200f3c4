"""What makes every figure that is quoted: ratios, measured side by side."""
