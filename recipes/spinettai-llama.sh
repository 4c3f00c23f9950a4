#!/usr/bin/env bash
# Luis Alberto Spinetta, as SpinettAI's own fine-tuning does it: Llama 2 7B is asked for a song that follows a line,
# and learns to answer as he does. First: pip install -r requirements-hf.txt, and access to the model on the Hub.
# ARTIST='Rubén Darío' names another artist, BASE=Qwen/Qwen3-0.6B another base, or a folder with one.
#
#   recipes/spinettai-llama.sh                         songs from Genius (GENIUS_ACCESS_TOKEN in .env)
#   recipes/spinettai-llama.sh songs.jsonl             the same with songs of yours
#   recipes/spinettai-llama.sh songs.jsonl --minutes 5 for five minutes
set -euo pipefail
artist=${ARTIST:-Luis Alberto Spinetta}
base=${BASE:-meta-llama/Llama-2-7b-hf}
[ ! -d "$base" ] || base=$(realpath "$base")
songs=(--artist "$artist")
if [[ ${1:---} != --* ]]; then
  songs=("$(realpath "$1")" --source files)
  shift
fi
adapt=("$@")
[ $# -gt 0 ] || adapt=(--max_steps 500 --batch_size 16)
cd "$(dirname "$0")/.."

python data/prepare.py "${songs[@]}" --name spinettai-llama
python finetune/train.py --base "hf:$base" --corpus spinettai-llama --rank 16 --alpha 32 --overwrite "${adapt[@]}"
python generate/sample.py --corpus spinettai-llama --run finetune/default --prompt "La luna"
