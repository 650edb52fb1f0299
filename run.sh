#!/usr/bin/env bash
# ./run.sh VERB ...           the same as `so-arm VERB ...`; the first call sets everything up
# ./run.sh test [--fast] ...  runs the tests; further arguments go to pytest
#
# Set-up needs Python 3.12 (from the system, pyenv or uv) and makes .venv here. An interrupted set-up goes on where it
# was with the next call. Once it is done, nothing is asked from the network any more.
set -euo pipefail

ROOT="$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")" && pwd)"
VENV="$ROOT/.venv"
STAMP="$VENV/.so_arm_is_set_up"
GL_BACKEND="$VENV/.so_arm_gl_backend"
APT_GL_PACKAGES="libegl1 libgl1-mesa-dri libosmesa6"
child=""

say() { printf '%s\n' "run.sh: $*" >&2; }
die() { say "error: $*"; exit 2; }

# Run a command so that Ctrl-C ends it at once and leaves none of it behind.
run() {
    "$@" </dev/null &
    child=$!
    local status=0
    wait "$child" || status=$?
    child=""
    return "$status"
}

interrupted() {
    [ -z "$child" ] || { kill -TERM "$child" 2>/dev/null || true; wait "$child" 2>/dev/null || true; }
    say "interrupted; the next call goes on where this one was"
    exit 130
}

is_python_312() { case "$("$@" -V 2>/dev/null)" in "Python 3.12."*) ;; *) return 1 ;; esac; }

find_uv() {
    local candidate
    for candidate in uv "${HOME:-}/.local/bin/uv" "${HOME:-}/.cargo/bin/uv"; do
        if "$candidate" --version >/dev/null 2>&1; then UV=("$candidate"); return; fi
    done
    if python3 -m uv --version >/dev/null 2>&1; then UV=(python3 -m uv); return; fi
    UV=()
}

find_python() {
    local candidate
    for candidate in python3.12 "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/3.12*/bin/python3.12 python3 python; do
        if is_python_312 "$candidate"; then PYTHON="$candidate"; return; fi
    done
    if [ ${#UV[@]} -gt 0 ]; then
        PYTHON="$("${UV[@]}" python find 3.12 2>/dev/null || true)"
        [ -n "$PYTHON" ] || { say "uv fetches Python 3.12"; run "${UV[@]}" python install 3.12; PYTHON=3.12; }
        return
    fi
    die "Python 3.12 was not found. Install it with one of: apt-get install python3.12 python3.12-venv | pyenv install 3.12 | uv python install 3.12"
}

# What the environment was made from; anything new here means that the set-up runs again.
fingerprint() {
    {
        printf '%s\n' "$ROOT"
        cat "$ROOT"/{requirements.txt,setup.py,pyproject.toml}
        grep -ls '^def main(' "$ROOT"/ros_ws/src/so_arm/nodes/*.py || true
    } | sha256sum | cut -d' ' -f1
}

is_set_up() { [ -f "$STAMP" ] && [ "$(cat "$STAMP")" = "$(fingerprint)" ] && is_python_312 "$VENV/bin/python"; }

# Whether .venv is of use: made here (a moved one has wrong paths in its scripts), of Python 3.12, with an installer.
is_venv_usable() {
    [ ! -f "$VENV/.so_arm_place" ] || [ "$(cat "$VENV/.so_arm_place")" = "$ROOT" ] || return 1
    is_python_312 "$VENV/bin/python" || return 1
    [ ${#UV[@]} -gt 0 ] || "$VENV/bin/python" -m pip --version >/dev/null 2>&1
}

make_venv() {
    if ! is_venv_usable; then
        [ ! -e "$VENV" ] || say "making .venv anew"
        rm -rf "$VENV"
        if [ ${#UV[@]} -gt 0 ]; then
            run "${UV[@]}" venv --quiet --seed --python "$PYTHON" "$VENV" || die "uv could not make .venv (see above)"
        elif ! run "$PYTHON" -m venv "$VENV"; then
            rm -rf "$VENV"
            die "$PYTHON cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3.12-venv"
        fi
    fi
    printf '%s' "$ROOT" >"$VENV/.so_arm_place"
}

install_packages() {
    local install=("$VENV/bin/python" -m pip --disable-pip-version-check install)
    [ ${#UV[@]} -eq 0 ] || install=("${UV[@]}" pip install --python "$VENV/bin/python")
    [ -t 2 ] || install+=(--quiet)
    say "installing the packages of requirements.txt (some minutes the first time; 6 GB)"
    run "${install[@]}" --no-deps -r "$ROOT/requirements.txt" || die "installing requirements.txt failed (see above)"
    run "${install[@]}" --no-deps --no-build-isolation -e "$ROOT" || die "installing so_arm itself failed (see above)"
}

set_up() {
    [ -w "$ROOT" ] || die "no permission to write to $ROOT, where .venv belongs; clone so_arm into a folder of your own"
    exec 9>"$ROOT/.venv.lock"
    if command -v flock >/dev/null && ! flock -n 9; then
        say "waiting for another set-up of this folder to end"
        run flock 9
    fi
    if ! is_set_up; then
        find_uv
        find_python
        make_venv
        install_packages
        fingerprint >"$STAMP.new" && mv "$STAMP.new" "$STAMP"
        say "set-up is complete"
    fi
    exec 9>&-
}

can_render() {
    MUJOCO_GL="$1" PYOPENGL_PLATFORM="$1" "$VENV/bin/python" - >/dev/null 2>&1 <<'PYTHON'
import mujoco
model = mujoco.MjModel.from_xml_string("<mujoco><worldbody><geom size='1'/></worldbody></mujoco>")
with mujoco.Renderer(model, 16, 16) as renderer:
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    renderer.update_scene(data)
    renderer.render()
PYTHON
}

remember_gl_backend() {
    local backend
    for backend in egl osmesa; do
        if can_render "$backend"; then printf '%s' "$backend" >"$GL_BACKEND"; return; fi
    done
    return 1
}

# Rendering without a display needs EGL or OSMesa from the system. Without them everything but images works.
check_gl() {
    [ ! -s "$GL_BACKEND" ] || return 0
    if /sbin/ldconfig -p 2>/dev/null | grep -qE 'lib(EGL|OSMesa)\.so' && remember_gl_backend; then return; fi
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "installing what rendering without a display needs: $APT_GL_PACKAGES"
        # shellcheck disable=SC2086
        { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $APT_GL_PACKAGES; } >&2 || true
        if remember_gl_backend; then return; fi
    fi
    say "no OpenGL library for rendering without a display; cameras need it: sudo apt-get install $APT_GL_PACKAGES"
}

export_environment() {
    local profile="$ROOT/launch/fastdds.xml"
    case ":${AMENT_PREFIX_PATH:-}:" in
        *":$VENV:"*) ;;
        *) export AMENT_PREFIX_PATH="${AMENT_PREFIX_PATH:+$AMENT_PREFIX_PATH:}$VENV" ;;
    esac
    export PATH="$VENV/bin:$PATH"
    export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" OPENBLAS_NUM_THREADS="${OPENBLAS_NUM_THREADS:-1}"
    if [ -z "${MUJOCO_GL:-}" ] && [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] && [ -s "$GL_BACKEND" ]; then
        MUJOCO_GL="$(cat "$GL_BACKEND")"
        export MUJOCO_GL
    fi
    if [ -f "$profile" ] && [ -z "${FASTRTPS_DEFAULT_PROFILES_FILE:-}${FASTDDS_DEFAULT_PROFILES_FILE:-}" ]; then
        export FASTRTPS_DEFAULT_PROFILES_FILE="$profile" FASTDDS_DEFAULT_PROFILES_FILE="$profile"
    fi
}

run_tests() {
    local argument arguments=()
    for argument in "$@"; do
        if [ "$argument" = "--fast" ]; then
            arguments+=(-m "not torch and not ros and not gl and not slow")
        else
            arguments+=("$argument")
        fi
    done
    cd "$ROOT"
    [ $# -eq 0 ] || exec "$VENV/bin/python" -m pytest "${arguments[@]}"
    run_all_tests
}

# Several processes share the tests, one more than cores because many a test waits for a process; then come those that
# watch a clock and bear no company.
run_all_tests() {
    local together=0 alone=0
    trap - INT TERM HUP
    local cores
    cores="$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)" # else it is the number of threads that it tells
    "$VENV/bin/python" -m pytest -n "$((cores + 1))" --maxprocesses 4 --dist loadfile --no-loadscope-reorder -m "not alone" || together=$?
    [ "$together" -le 1 ] || exit "$together" # interrupted, or nothing could be run
    "$VENV/bin/python" -m pytest -m alone || alone=$?
    exit $((together > alone ? together : alone))
}

trap interrupted INT TERM HUP
is_set_up || set_up
check_gl
export_environment
if [ "${1:-}" = "test" ]; then
    shift
    run_tests "$@"
fi
# A Ctrl-C while Python is still starting would end in a traceback; so-arm lets it through when it can answer.
exec env --block-signal=INT "$VENV/bin/so-arm" "$@"
