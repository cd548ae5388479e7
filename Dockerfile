# ROS from apt, the rest from pip in a virtual environment: the README's "With ROS 2 installed".
#   docker build --build-arg ROS_DISTRO=jazzy --tag imitation_ros . && docker run --rm -it imitation_ros
ARG ROS_DISTRO=jazzy
FROM ros:${ROS_DISTRO}-ros-base
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN apt-get update && apt-get install --yes --no-install-recommends python3-venv python3-pip libegl1 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /ws
COPY package.xml src/imitation_ros/package.xml
RUN apt-get update && rosdep update --rosdistro "$ROS_DISTRO" \
    && rosdep install --from-paths src --ignore-src --yes && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv --system-site-packages .venv && touch .venv/COLCON_IGNORE
ENV PATH=/ws/.venv/bin:$PATH PIP_NO_CACHE_DIR=1 \
    PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
COPY README.md src/imitation_ros/README.md
# What pip brings stands in one place, the README's recipe.
RUN sed -e ':a;/\\$/{N;s/\\\n//;ba}' src/imitation_ros/README.md | grep '^pip install ' > pip.sh \
    && bash pip.sh \
    && pip install 'numpy<2' torch onnx onnxscript safetensors tensorboard pytest pytest-timeout hypothesis
COPY . src/imitation_ros
RUN source /opt/ros/"$ROS_DISTRO"/setup.bash && python -m colcon build
ENV ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST
RUN printf '#!/bin/bash\nsource /opt/ros/%s/setup.bash\nsource /ws/install/setup.bash\nexec "$@"\n' \
    "$ROS_DISTRO" > /entrypoint && chmod +x /entrypoint
ENTRYPOINT ["/entrypoint"]
CMD ["bash"]
