# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""imitation_ros: teach a humanoid by showing it.

A map of the package, from the bottom up; a layer imports only layers below it.

    errors, resources     what can go wrong; where our files are
    plugins               what other distributions add, by entry points
    files, documents      files replaced whole; the gate for YAML, JSON, XML of others
    names                 plain path components out of what files say
    lifetime, domain      when a process of ours ends; the ROS graph it joins
    linkage, urdf         a URDF: one tree of links, its joints and limits
    contract              one YAML per robot, checked against its URDF
    data                  frames, the one resampler, episodes, datasets (numpy only)
    kinematics            Pinocchio models in contract order, inverse kinematics
    messages              ROS message bytes to arrays and back, live and from bags
    bags                  rosbag2 bags: reader, writer, audit, repair, edit
    lerobot               LeRobot datasets, written and read without lerobot
    runtime               policy.onnx: load, check against the robot, run (no torch)
    safety                the filter between every proposal and the robot
    teleop                leader arms, keyboard, gamepad to proposals
    sim                   MuJoCo humanoid, tasks, scripted experts, perturbations, cameras
    recording             sessions, takes, compression, the check before the first take
    conversion            bags to a dataset; the contract of a bag without a robot
    gazebo                the contract's robot in Gazebo: URDF, controllers, bridges, world
    policies, training    Behavioural Cloning, ACT, flow matching, diffusion (torch)
    rollout               the closed loop of robot, command filter and agent, without ROS
    irl                   inverse RL: GAIL, AIRL, IQ-Learn, CSIL, MaxEnt; bags or simulation
    learning              one call from a dataset to a policy, by any method
    export                checkpoint to policy.onnx, with proof of parity
    evaluation            closed loop, offline error, comparisons, safety streams: measures
    reports               pages, plots and templates: reads results, measures nothing
    nodes                 the ROS 2 nodes, the only rclpy
    cli                   `imitation_ros record | audit | convert | train | ...`
"""

__version__ = '0.2.0'
