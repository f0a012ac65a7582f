"""What the product does, without a word of HTTP; upper domains use lower ones through their front doors."""
