#!/usr/bin/env bash
# French poetry with 128 tokens and rotary positions, as Tiny Poetic LLM does it: 40 million parameters.
#
#   recipes/tiny-poetic.sh                    Hugo, Baudelaire, Verlaine from Project Gutenberg; 5,000 steps: for a GPU
#   recipes/tiny-poetic.sh poems.jsonl        the same with poems of yours: a file, or a folder of Gutenberg's files
#   recipes/tiny-poetic.sh books/ --minutes 5 as far as five minutes go, with smaller steps: for a CPU
set -euo pipefail
poems=(--gutenberg french-poetry)
if [[ ${1:---} != --* ]]; then
  data=$(realpath "$1")
  if [ -d "$data" ]; then poems=("$data" --source gutenberg); else poems=("$data" --source files); fi
  shift
fi
budget=("$@")
[ ${#budget[@]} -gt 0 ] || budget=(--max_steps 5000 --batch_size 64)
cd "$(dirname "$0")/.."

python data/prepare.py "${poems[@]}" --language fr --name tiny-poetic
python pretrain/tokenize_data.py --corpus tiny-poetic --kind bpe-char --vocab_size 128
python pretrain/train.py --corpus tiny-poetic --architecture qwen3 --n_layer 8 --n_head 8 --n_embd 640 \
  --block_size 256 --dropout 0.2 --learning_rate 6e-4 --overwrite "${budget[@]}"
python generate/sample.py --corpus tiny-poetic --run pretrain/default --temperature 0.4 --max_new_tokens 400
