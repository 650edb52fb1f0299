"""URDF, MJCF, core/kinematics and the reference figures describe one arm."""

import math
import xml.etree.ElementTree as ET

import mujoco
import numpy as np
import pytest
from tests.shared_files import reference

from so_arm.core.joints import JOINT_NAMES, LOWER_RAD, UPPER_RAD
from so_arm.core.kinematics import GRASP_POINT_M, LINK_NAMES, grasp_point, link_poses
from so_arm.core.paths import share_dir
from so_arm.sim.arm import load_model

POSES = np.random.default_rng(7).uniform(LOWER_RAD, UPPER_RAD, (200, 6))
REFERENCE_LINKS = ("Base", "Rotation_Pitch", "Upper_Arm", "Lower_Arm", "Wrist_Pitch_Roll", "Fixed_Jaw", "Moving_Jaw")


@pytest.fixture(scope="module", name="reference")
def official_model():
    return reference("so_arm100.json")


@pytest.fixture(scope="module")
def urdf():
    return ET.parse(share_dir() / "urdf" / "so_arm100.urdf").getroot()


def _vector(text):
    return np.array([float(part) for part in text.split()])


def _rpy(roll, pitch, yaw):
    cr, sr, cp, sp, cy, sy = (f(a) for a in (roll, pitch, yaw) for f in (math.cos, math.sin))
    x = np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
    y = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
    z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    return z @ y @ x


def _about(axis, angle):
    matrix = np.zeros(9)
    quat = np.zeros(4)
    mujoco.mju_axisAngle2Quat(quat, np.asarray(axis, dtype=float), angle)
    mujoco.mju_quat2Mat(matrix, quat)
    return matrix.reshape(3, 3)


def _urdf_poses(urdf, q):
    poses = {"base_link": np.eye(4)}
    for joint in urdf.findall("joint"):
        origin = joint.find("origin")
        rotation = _rpy(*_vector(origin.get("rpy")))
        if joint.get("type") == "revolute":
            angle = q[JOINT_NAMES.index(joint.get("name"))]
            rotation = rotation @ _about(_vector(joint.find("axis").get("xyz")), angle)
        local = np.eye(4)
        local[:3, :3], local[:3, 3] = rotation, _vector(origin.get("xyz"))
        poses[joint.find("child").get("link")] = poses[joint.find("parent").get("link")] @ local
    return np.array([poses[name] for name in LINK_NAMES])


def _mjcf_poses(model, data, q):
    data.qpos[:6] = q
    mujoco.mj_kinematics(model, data)
    poses = np.tile(np.eye(4), (len(LINK_NAMES), 1, 1))
    for i, name in enumerate(LINK_NAMES):
        poses[i, :3, :3] = data.body(name).xmat.reshape(3, 3)
        poses[i, :3, 3] = data.body(name).xpos
    return poses


def test_urdf_mjcf_and_kinematics_agree(urdf):
    model = load_model("scene")
    data = mujoco.MjData(model)
    for q in POSES:
        ours = link_poses(q)
        assert np.abs(_mjcf_poses(model, data, q) - ours).max() < 1e-6
        assert np.abs(_urdf_poses(urdf, q) - ours).max() < 1e-6
        assert np.abs(data.site("grasp").xpos - grasp_point(q)).max() < 1e-6
    assert np.allclose(model.site("grasp").pos, GRASP_POINT_M)


def test_reference_chain(reference):
    to_forward = _about([0, 0, 1], math.pi / 2)
    for q in POSES:
        angles = (-q[0], q[1] - math.pi / 2, q[2] + math.pi / 2, q[3], q[4], q[5])
        rotation, position = to_forward, np.zeros(3)
        for i, (joint, angle) in enumerate(zip(reference["joints"], angles, strict=True)):
            position = position + rotation @ np.array(joint["origin_xyz"], dtype=float)
            origin = np.zeros(9)
            mujoco.mju_quat2Mat(origin, np.array(joint["origin_quat_wxyz"], dtype=float))
            rotation = rotation @ origin.reshape(3, 3) @ _about(joint["axis"], angle)
            assert np.abs(position - link_poses(q)[i + 1, :3, 3]).max() < 5e-5


def test_masses_and_inertias(reference, urdf):
    model = load_model("scene")
    figures = {link["name"]: link for link in reference["links"]}
    for name, theirs in zip(LINK_NAMES[1:], REFERENCE_LINKS[1:], strict=True):
        figure, body = figures[theirs], model.body(name)
        assert body.mass[0] == pytest.approx(figure["mass"], rel=0.01)
        assert np.allclose(body.ipos, figure["com"], atol=1e-6)
        assert np.allclose(np.sort(body.inertia), np.sort(figure["inertia"]["diag"]), rtol=0.01)
        inertial = urdf.find(f"link[@name='{name}']/inertial")
        assert float(inertial.find("mass").get("value")) == pytest.approx(figure["mass"], rel=0.01)
        for key, value in figure["inertia_about_com_link_axes"].items():
            assert float(inertial.find("inertia").get(key)) == pytest.approx(value, rel=0.01, abs=1e-9)


def test_limits_agree(urdf):
    model = load_model("scene")
    for i, name in enumerate(JOINT_NAMES):
        limit = urdf.find(f"joint[@name='{name}']/limit")
        for low, high in (model.joint(name).range, (float(limit.get("lower")), float(limit.get("upper")))):
            assert low == pytest.approx(LOWER_RAD[i], abs=1e-6)
            assert high == pytest.approx(UPPER_RAD[i], abs=1e-6)


def test_every_mjcf_says_radian():
    text = (share_dir() / "mjcf" / "so_arm100.xml").read_text()
    assert 'angle="radian"' in text


def test_servo_reaches_its_no_load_speed_and_no_more():
    model = load_model("scene")
    data = mujoco.MjData(model)
    model.opt.gravity[:] = 0
    data.qpos[0] = data.ctrl[0] = -1.9
    data.ctrl[0] = 1.9
    fastest = 0.0
    for _ in range(1000):
        mujoco.mj_step(model, data)
        fastest = max(fastest, abs(data.qvel[0]))
        assert abs(data.actuator_force[0]) <= 2.942 + 1e-9
    assert 2.5 < fastest < 4.95
    assert data.qpos[0] == pytest.approx(1.9, abs=0.02)
