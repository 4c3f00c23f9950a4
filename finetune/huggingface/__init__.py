"""Stage 4 from somebody's large model: any causal language model of `transformers`, adapted with LoRA."""
