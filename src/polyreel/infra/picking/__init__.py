"""The child half of `infra.stills`: libav finds keyframes of a foreign file here, where it may crash."""
