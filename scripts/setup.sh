#!/usr/bin/env bash
# Installs ROS 1 from apt where parts of it are missing, and everything else into .venv, which sees the
# system's packages (rospy, cv_bridge). Run again it returns at once, until what it installs from has changed.
# PSPGRASP_WITHOUT_ROS=1 leaves ROS out: training, evaluation and the command line do not need it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly python=/usr/bin/python3 # the one that the distribution's rospy belongs to
readonly venv=.venv
readonly stamp=$venv/setup-stamp
readonly noetic=/opt/ros/noetic/setup.bash
readonly without_ros=${PSPGRASP_WITHOUT_ROS:-}

python_packages=(python3 python3-venv)
debian_ros_packages=(
    # to run the node
    python3-rospy python3-cv-bridge python3-tf2-ros python3-diagnostic-updater python3-dynamic-reconfigure
    python3-message-filters python3-std-msgs python3-sensor-msgs python3-geometry-msgs
    python3-visualization-msgs python3-diagnostic-msgs python3-std-srvs
    # ROS's commands
    rosout rosbash python3-roslaunch python3-rosbag python3-rosnode python3-rostopic python3-rosparam
    python3-rosservice python3-rosmsg python3-rostest
    # to build a catkin workspace
    catkin catkin-lint g++ make ros-message-generation ros-message-runtime ros-std-msgs ros-sensor-msgs
    ros-geometry-msgs ros-visualization-msgs ros-diagnostic-msgs ros-std-srvs libstd-msgs-dev
    libsensor-msgs-dev libgeometry-msgs-dev libdynamic-reconfigure-config-init-mutex-dev librostest-dev
)
noetic_ros_packages=(
    ros-noetic-ros-base ros-noetic-cv-bridge ros-noetic-tf2-ros ros-noetic-diagnostic-updater
    ros-noetic-dynamic-reconfigure ros-noetic-visualization-msgs ros-noetic-std-srvs ros-noetic-rostest
)

say() { echo "setup: $*"; }

fail() {
    echo "setup: $*" >&2
    exit 1
}

wanted_packages() {
    printf '%s\n' "${python_packages[@]}"
    [ -z "$without_ros" ] || return 0
    if [ -f "$noetic" ]; then
        printf '%s\n' "${noetic_ros_packages[@]}"
    else
        printf '%s\n' "${debian_ros_packages[@]}"
    fi
}

missing_packages() {
    local installed
    installed=$(dpkg-query --show --showformat '${db:Status-Abbrev}${Package}\n' | sed -n 's/^ii //p')
    wanted_packages | grep --invert-match --line-regexp --fixed-strings --file=<(echo "$installed") || true
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "only root may install these: $(missing_packages | xargs); run this as root, or install sudo"
    fi
}

install_packages() {
    local missing
    missing=$(missing_packages | xargs)
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || fail "no apt-get here; install by hand what corresponds to: $missing"
    say "apt installs $missing"
    as_root apt-get update --quiet || fail "apt-get update failed; is this machine connected?"
    # shellcheck disable=SC2086 # one word a package
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --no-install-recommends --quiet $missing ||
        fail "apt could not install: $missing
setup: is this machine connected? Debian 12 and Ubuntu 22.04 package ROS 1 themselves; Ubuntu 20.04 has
setup: Noetic; anywhere else set PSPGRASP_WITHOUT_ROS=1."
}

make_venv() {
    if [ -f $venv/pyvenv.cfg ] && ! grep --quiet '^include-system-site-packages = true' $venv/pyvenv.cfg; then
        fail "$PWD/$venv does not see the system's packages, so not rospy; move it away and run this again"
    fi
    if ! $venv/bin/python -m pip --version >/dev/null 2>&1; then
        say "$python makes $venv"
        $python -m venv --system-site-packages $venv || fail "$python could not make $PWD/$venv"
    fi
}

pip_install() {
    $venv/bin/python -m pip install --disable-pip-version-check "$@" |
        sed --unbuffered '/^Requirement already/d' ||
        fail "pip could not install $*; is this machine connected, and are there 6 GB of space?"
}

install_python() {
    local extras=bag,dev,docs,evaluation,export,onnxruntime,openvino,quantise,sim,training
    [ -n "$without_ros" ] || extras=$extras,ros
    say "pip installs pspgrasp with torch and timm; the first time this takes minutes and 6 GB"
    pip_install 'pip>=22' 'setuptools>=64' wheel # Ubuntu 20.04's are too old for an editable install
    pip_install --no-build-isolation --editable ".[$extras]"
}

check_imports() {
    local modules="numpy, scipy, cv2, torch, torchvision, timm, safetensors, pspgrasp"
    [ -n "$without_ros" ] || modules="$modules, rospy, tf2_ros, cv_bridge"
    say "checking that these work in one process: $modules"
    $venv/bin/python -c "import $modules" || fail "$PWD/$venv is not usable: see the error above"
}

fingerprint() {
    {
        cat scripts/setup.sh pyproject.toml setup.py
        $python --version
        echo "$PWD $without_ros"
    } | sha256sum
}

is_current() {
    [ -x $venv/bin/python ] && [ -f $stamp ] && [ -z "$(missing_packages)" ] &&
        [ "$(cat $stamp)" = "$(fingerprint)" ]
}

main() {
    if is_current; then
        say "$venv is up to date"
        return
    fi
    rm -f $stamp
    install_packages
    # shellcheck disable=SC1090 # ROS's own file, which uses unset variables
    if [ -z "$without_ros" ] && [ -f $noetic ]; then set +u; source $noetic; set -u; fi
    make_venv
    install_python
    check_imports
    fingerprint >$stamp
    say "done: make demo, make test, or source $venv/bin/activate"
}

main
