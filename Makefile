# `make demo` and `make test` set a machine up by themselves: Linux x86-64, Python 3.10 to 3.13
# with its venv module, and make are enough. ROS 2 comes as wheels into $(VENV).

PYTHON ?= $(shell for name in python3 python3.12 python3.11 python3.13 python3.10; do \
	$$name -c '$(SUPPORTED)' 2>/dev/null && echo $$name && break; done)
VENV ?= .venv
CONFIG ?= config/train/road_unet.yaml
# PyTorch for CPUs; the builds of the Python package index bring gigabytes of CUDA along.
# Empty: no PyTorch; the tests of network and training are skipped and say so.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
export ROAD_SEG_DATA ?= $(abspath ../shared/data)
# Open Model Zoo's road-segmentation-adas-0001, for pseudo-labels.
TEACHER ?= $(ROAD_SEG_DATA)/../peers/road-segmentation-adas-0001/road-segmentation-adas-0001.xml
# Its authors' repository; or a clone of it on this machine.
LABELMEFACADE ?= https://github.com/cvjena/labelmefacade
# Where the whole data set is not in $(ROAD_SEG_DATA)/cityscapes: pix2pix's reduced copy of it, a
# folder with train/1.jpg, val/1.jpg and so on, picture left and label right.
CITYSCAPES_PAIRS ?=
UDACITY := $(addprefix $(ROAD_SEG_DATA)/udacity_seq/,solidWhiteRight.mp4 \
	project_clip0_38f.mp4 project_clip1_88f.mp4 project_clip3_76f.mp4)

SUPPORTED := import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install --quiet --constraint constraints.txt
EDITABLE := --no-build-isolation --editable

# The environment of another ROS 2 installation would mix its libraries with the wheels'.
unexport AMENT_PREFIX_PATH COLCON_PREFIX_PATH LD_LIBRARY_PATH PYTHONPATH RMW_IMPLEMENTATION
unexport _ROS_WHEELS_BOOTSTRAP_COMPLETE
# What runs here neither hears nor disturbs a vehicle's network.
export ROS_AUTOMATIC_DISCOVERY_RANGE := LOCALHOST

N ?= 1000000
SEED ?= 1
ROUND ?= 0

.PHONY: help demo test fuzz lint colcon doctor train train-data clean

help:
	@echo 'make demo    replay a drive through the live node and write a report'
	@echo 'make test    lint, tests, colcon install space'
	@echo 'make fuzz    give the node N=$(N) malformed messages, by SEED=$(SEED) from round' \
		'ROUND=$(ROUND) of 1000'
	@echo 'make lint    ruff only'
	@echo 'make colcon  build with colcon and run the installed node'
	@echo 'make doctor  say what works on this machine'
	@echo 'make train-data  draw and pseudo-label the pictures the shipped model is trained on'
	@echo 'make train   train a network: CONFIG=$(CONFIG) OUT=folder of the run'
	@echo 'make clean   remove $(VENV) and everything built'
	@echo 'Variables: PYTHON=python3.12  VENV=.venv  ROAD_SEG_DATA=folder of the data sets' \
		' TORCH_INDEX=package index'

demo: $(VENV)/.run
	$(BIN)/road-seg demo

doctor: $(VENV)/.run
	$(BIN)/road-seg doctor

# glibc would give every large tensor back to the kernel and fault its pages in again.
train: export MALLOC_MMAP_MAX_ := 0
train: export MALLOC_TRIM_THRESHOLD_ := 20000000000
train: export MALLOC_TOP_PAD_ := 500000000
train: $(VENV)/.test
	$(BIN)/road-seg train $(CONFIG) $(if $(OUT),--out $(OUT))

PSEUDO := pseudo_udacity pseudo_night pseudo_kitti named_udacity named_night named_kitti

train-data: $(addprefix generated/,world labelmefacade $(PSEUDO)) \
	$(if $(wildcard $(ROAD_SEG_DATA)/cityscapes),,generated/cityscapes)

generated/world: | $(VENV)/.run
	$(BIN)/road-seg sample --world mixed --frames 600 --seed 1 --dataset-out $@

# Without the photographs of Cambridge, for CamVid shows that city.
generated/labelmefacade:
	rm -rf $@.tmp
	git clone --quiet $(LABELMEFACADE) $@.tmp
	git -C $@.tmp checkout --quiet a0dbc272351f9d6914805fbba62d75740308f52f
	rm $@.tmp/images/*_cambridge_uk_*
	mv $@.tmp $@

generated/cityscapes: | $(VENV)/.run
	@test -d '$(CITYSCAPES_PAIRS)' || { echo 'Cityscapes is missing: put it into' \
		'$(ROAD_SEG_DATA)/cityscapes (https://www.cityscapes-dataset.com),' \
		'or say CITYSCAPES_PAIRS=folder of its pairs as pix2pix made them.' >&2; exit 1; }
	$(BIN)/python scripts/cityscapes_pairs.py $(CITYSCAPES_PAIRS) $@

# pseudo_: labels of the teacher. named_: what it calls anything but road, by road_unet's classes.
generated/%_udacity: PICTURES = $(UDACITY) --every 3
generated/%_night: PICTURES = $(ROAD_SEG_DATA)/ut_austin_night/images
generated/%_kitti: PICTURES = $(ROAD_SEG_DATA)/kitti_seq/images --every 4

generated/pseudo_%: | $(VENV)/.run
	$(BIN)/road-seg label $(PICTURES) --teacher $(TEACHER) --out $@

generated/named_%: | $(VENV)/.run
	$(BIN)/road-seg label $(PICTURES) --teacher $(TEACHER) --model road_unet --out $@

test: lint
	$(BIN)/python -m pytest

fuzz: $(VENV)/.test
	ROAD_SEG_FUZZ_COUNT=$(N) ROAD_SEG_FUZZ_SEED=$(SEED) ROAD_SEG_FUZZ_ROUND=$(ROUND) \
		$(BIN)/python -m pytest test/ros/test_malformed_messages.py

lint: $(VENV)/.test
	$(BIN)/ruff check .

colcon: $(VENV)/.test
	$(BIN)/python -m pytest test/test_install_space.py

clean:
	rm -rf $(VENV) build install log *.egg-info .pytest_cache .ruff_cache .hypothesis
	find road_seg launch test -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/.python:
	@'$(PYTHON)' -c '$(SUPPORTED)' || { echo 'make: found no Python 3.10 to 3.13' \
		'(tried "$(PYTHON)"); install one or set PYTHON=/path/to/python3.12' >&2; exit 1; }
	@'$(PYTHON)' -m venv --clear $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.python constraints.txt setup.py setup.cfg
	@echo 'Installing ROS 2, OpenCV and the CPU backends into $(VENV); takes minutes, once'
	@$(INSTALL) --upgrade pip setuptools
	@$(INSTALL) $(EDITABLE) '.[bags,onnxruntime,openvino,ros]'
	@touch $@

$(VENV)/.test: $(VENV)/.run
	@echo 'Installing test tools, Ray, TensorRT-RTX and PyTorch into $(VENV); takes minutes, once'
	@$(INSTALL) $(EDITABLE) '.[test,fleet,tensorrt_rtx]'
ifdef TORCH_INDEX
	@$(INSTALL) --no-deps --index-url $(TORCH_INDEX) torch
	@$(INSTALL) $(EDITABLE) '.[train,test-train]'
endif
	@touch $@
