#!/usr/bin/env bash
# TinyShakespeare character by character, as nano-gpt-copy does it: block 256, width 384, dropout 0.2.
#
#   recipes/tinyshakespeare.sh input.txt               5,000 steps of 64 sequences: minutes on a GPU, days on a CPU
#   recipes/tinyshakespeare.sh input.txt --minutes 10  as far as ten minutes go, with smaller steps: for a CPU
set -euo pipefail
text=$(realpath "${1:?usage: recipes/tinyshakespeare.sh PATH [--minutes M]}")
shift
budget=("$@")
[ ${#budget[@]} -gt 0 ] || budget=(--max_steps 5000 --batch_size 64)
cd "$(dirname "$0")/.."

python data/prepare.py --source files "$text" --name tinyshakespeare --language en
python pretrain/tokenize_data.py --corpus tinyshakespeare --kind char
python pretrain/train.py --corpus tinyshakespeare --architecture gpt2 --n_layer 6 --n_head 6 --n_embd 384 \
  --block_size 256 --dropout 0.2 --learning_rate 1e-3 --overwrite "${budget[@]}"
python generate/sample.py --corpus tinyshakespeare --run pretrain/default --max_new_tokens 1000
