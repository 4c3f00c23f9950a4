#!/usr/bin/env bash
# Spanish novels character by character, as LitteraGPT does it: chunks of 20 sentences in random order,
# 6 layers of width 512, context 528, dropout 0.3.
#
#   recipes/littera.sh                     four novels from Project Gutenberg; 10,000 steps of 64: for a GPU
#   recipes/littera.sh books/              the same from files of Project Gutenberg that are here already
#   recipes/littera.sh books/ --minutes 10 as far as ten minutes go, with smaller steps: for a CPU
set -euo pipefail
books=(--gutenberg littera)
if [[ ${1:---} != --* ]]; then
  books=("$(realpath "$1")" --source gutenberg)
  shift
fi
budget=("$@")
[ ${#budget[@]} -gt 0 ] || budget=(--max_steps 10000 --batch_size 64)
cd "$(dirname "$0")/.."

python data/prepare.py "${books[@]}" --sentences 20 --name littera
python pretrain/tokenize_data.py --corpus littera --kind char
python pretrain/train.py --corpus littera --architecture gpt2 --n_layer 6 --n_head 8 --n_embd 512 \
  --block_size 528 --dropout 0.3 --learning_rate 3e-4 --overwrite "${budget[@]}"
python generate/sample.py --corpus littera --run pretrain/default --max_new_tokens 400
