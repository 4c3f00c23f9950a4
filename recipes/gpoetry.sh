#!/usr/bin/env bash
# Spanish poetry, as GPoeTry does it: one token per character, 4 layers of width 512, context 512, dropout 0.2.
# Its other tokenizer, one token per word: KIND=word recipes/gpoetry.sh
#
#   recipes/gpoetry.sh                         andreamorgar/spanish_poetry from Hugging Face, read five times: for a GPU
#   recipes/gpoetry.sh poems.jsonl             the same with poems of yours: a file, or the folder of a dataset
#   recipes/gpoetry.sh poems.jsonl --minutes 5 as far as five minutes go, with smaller steps: for a CPU
set -euo pipefail
poems=(--dataset andreamorgar/spanish_poetry)
if [[ ${1:---} != --* ]]; then
  data=$(realpath "$1")
  if [ -d "$data" ]; then poems=(--dataset "$data"); else poems=("$data" --source files); fi
  shift
fi
budget=("$@")
# 1,500 steps of 32 × 512 characters read five million characters five times.
[ ${#budget[@]} -gt 0 ] || budget=(--max_steps 1500 --batch_size 32)
cd "$(dirname "$0")/.."

python data/prepare.py "${poems[@]}" --name gpoetry
python pretrain/tokenize_data.py --corpus gpoetry --kind "${KIND:-char}"
python pretrain/train.py --corpus gpoetry --architecture gpt2 --n_layer 4 --n_head 4 --n_embd 512 \
  --block_size 512 --dropout 0.2 --learning_rate 3e-4 --overwrite "${budget[@]}"
python generate/sample.py --corpus gpoetry --run pretrain/default --temperature 0.6 --top_k 50 --top_p 1 \
  --max_new_tokens 1000
