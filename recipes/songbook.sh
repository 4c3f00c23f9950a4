#!/usr/bin/env bash
# The songs that come with the project, through every stage: a model of the whole Spanish book,
# adapted to one of its bands, writes three songs. About three minutes on two CPU cores.
set -euo pipefail
cd "$(dirname "$0")/.."

python data/prepare.py --source songbook --language es
python pretrain/tokenize_data.py --corpus songbook
python pretrain/train.py --corpus songbook --minutes 2 --overwrite

python data/prepare.py --source songbook --artist "Ramal Sur"
python finetune/train.py --base songbook --base_run pretrain/default --corpus ramal-sur --minutes 0.3 --overwrite
python generate/sample.py --corpus ramal-sur --run finetune/default --num_songs 3 --temperature 0.7
echo "plot        ${PAYADOR_ARTIFACTS:-artifacts}/ramal-sur/finetune/default/loss.png"
