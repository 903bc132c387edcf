#!/usr/bin/env bash
# Makes the pictures of the documentation anew, as far as the repository alone is enough, in docs/pictures. The demo needs
# ROS 1 and a minute or two. CONTRIBUTING.md names the pictures that need more.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly pictures=docs/pictures
readonly work=build/pictures
readonly bin=.venv/bin

mkdir -p $work

$bin/python docs/draw_conventions.py

$bin/pspgrasp data preview synthetic --output $work/synthetic.png
$bin/python -c "import cv2; cv2.imwrite('$pictures/synthetic.jpg', cv2.imread('$work/synthetic.png'))"

scripts/demo.sh $work/demo
cp $work/demo/contact_sheet.png $pictures/demo.png

# The settings of launch/demo.launch.
cat >$work/demo.yaml <<END
crop: {size_px: 360, offset_v_px: 45, near_m: 0.3, far_m: 1.0}
clearance: {fingers: false, palm: false}
table: {plane: none}
END
$bin/pspgrasp bag export $work/demo/demo-40.bag --to video --params $work/demo.yaml --output $work/demo.mp4
$bin/python docs/draw_film.py $work/demo.mp4

ls -l $pictures
