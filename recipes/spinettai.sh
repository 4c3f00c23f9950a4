#!/usr/bin/env bash
# Luis Alberto Spinetta and his bands, as SpinettAI does it: BPE, 8 layers of width 512, context 64, dropout 0.1;
# then the model is adapted to Spinetta alone. ARTIST='Rubén Darío' names another one, for songs of yours.
#
#   recipes/spinettai.sh                         songs from Genius (GENIUS_ACCESS_TOKEN in .env): for a GPU
#   recipes/spinettai.sh songs.jsonl             the same with songs of yours
#   recipes/spinettai.sh songs.jsonl --minutes 5 each of the two trainings for five minutes: for a CPU
set -euo pipefail
artist=${ARTIST:-Luis Alberto Spinetta}
songs=(--artist "$artist" Almendra "Pescado Rabioso" Invisible "Spinetta Jade" "Spinetta y los Socios del Desierto")
if [[ ${1:---} != --* ]]; then
  songs=("$(realpath "$1")" --source files)
  shift
fi
# 128 sequences a step; every token starts one of them twenty times (an epoch, as SpinettAI counts).
pretrain=("$@") adapt=("$@")
[ $# -gt 0 ] || { pretrain=(--max_steps 10000 --batch_size 128); adapt=(--max_steps 500 --batch_size 32); }
cd "$(dirname "$0")/.."

python data/prepare.py "${songs[@]}" --name spinettai
python pretrain/tokenize_data.py --corpus spinettai --kind bpe
python pretrain/train.py --corpus spinettai --architecture gpt2 --n_layer 8 --n_head 8 --n_embd 512 \
  --block_size 64 --dropout 0.1 --learning_rate 6e-4 --weight_decay 0.1 --overwrite "${pretrain[@]}"
python generate/sample.py --corpus spinettai --run pretrain/default

# The songs are here now: those of the one artist come out of the corpus, not from Genius again.
python data/prepare.py "${PAYADOR_ARTIFACTS:-artifacts}/spinettai/corpus.json" --source files --artist "$artist"
python finetune/train.py --base spinettai --base_run pretrain/default --corpus "$artist" --overwrite "${adapt[@]}"
python generate/sample.py --artist "$artist" --run finetune/default
