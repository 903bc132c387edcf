#!/usr/bin/env bash
# Plays a recording to the grasp detector and shows its grasps; ends by itself, with 0 only if every scene of the
# recording brought grasps and pictures. Usage: scripts/demo.sh [OUTPUT] [NAME:=VALUE of launch/demo.launch]...
# DEMO_BAG=FILE plays another recording, DEMO_FRAMES=N one of N frames a scene; DEMO_LIMIT_S ends it early.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly noetic=/opt/ros/noetic/setup.bash
readonly frames=${DEMO_FRAMES:-40}
readonly limit_s=${DEMO_LIMIT_S:-180} # what takes longer hangs

fail() {
    echo "demo: $*" >&2
    exit 1
}

choose_output() {
    output=build/demo
    if [ $# -gt 0 ] && [[ $1 != *:=* ]]; then
        output=$1
        shift
    fi
    mkdir -p "$output" || fail "cannot write to $output"
    output=$(realpath "$output")
    launch_arguments=("$@")
}

set_up_ros() {
    # shellcheck disable=SC1090 # ROS's own file, which uses unset variables
    if [ -f $noetic ]; then set +u; source $noetic; set -u; fi
    # ROS's own programs are written for the system's python3.
    export PATH=/usr/bin:/bin:$PATH
    export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} ROS_PACKAGE_PATH=$PWD${ROS_PACKAGE_PATH:+:$ROS_PACKAGE_PATH}
    export PSPGRASP_PYTHON=${PSPGRASP_PYTHON:-$PWD/.venv/bin/python}
    export ROS_HOME=$output/ros ROS_LOG_DIR=$output/ros/log ROS_HOSTNAME=127.0.0.1
    unset ROS_IP
    [ -x "$PSPGRASP_PYTHON" ] || fail "there is no $PSPGRASP_PYTHON; run make setup first"
    command -v roslaunch >/dev/null || fail "there is no roslaunch; run make setup first"
    # The launch starts its own master there, so that one that runs already is left alone.
    ROS_MASTER_URI=http://127.0.0.1:$(free_port)
    export ROS_MASTER_URI
}

free_port() {
    "$PSPGRASP_PYTHON" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

choose_bag() {
    bag=${DEMO_BAG:-$output/demo-$frames.bag}
    if [ -z "${DEMO_BAG:-}" ]; then
        is_current "$bag" || "$PSPGRASP_PYTHON" scripts/make_demo_bag "$bag" --frames "$frames"
        launch_arguments=(base_frame:=base_link "${launch_arguments[@]}") # our bag says where the camera is
    fi
    [ -f "$bag" ] || fail "there is no recording $bag"
    bag=$(realpath "$bag")
}

is_current() {
    [ -f "$1" ] && [ -z "$(find scripts/make_demo_bag pspgrasp/data -type f ! -name '*.pyc' -newer "$1")" ]
}

launch() {
    rm -f "$output"/*.png "$output"/{grasps,summary}.txt
    trap stop EXIT
    trap 'exit 130' INT TERM HUP
    # In the background, since bash minds signals only between commands and during `wait`; as a job of its own (-m),
    # since what a script puts into the background otherwise ignores the interrupt that ends it.
    set -m
    timeout --signal=INT --kill-after=20 $limit_s \
        roslaunch --port "${ROS_MASTER_URI##*:}" pspgrasp demo.launch bag:="$bag" output:="$output" \
        "${launch_arguments[@]}" </dev/null &
    launch_pid=$!
    wait $launch_pid || true
}

stop() {
    # roslaunch ends its nodes before itself.
    if kill -INT $launch_pid 2>/dev/null; then wait $launch_pid || true; fi
}

report() {
    [ -f "$output/summary.txt" ] || fail "it ended without a summary; the nodes' logs lie in $ROS_LOG_DIR"
    echo
    cat "$output/summary.txt"
    ls "$output"/*.png 2>/dev/null || fail "there are no pictures in $output"
    [ "$(tail -n 1 "$output/summary.txt")" = PASS ] || fail "failed; the nodes' logs lie in $ROS_LOG_DIR"
}

choose_output "$@"
set_up_ros
choose_bag
launch
report
