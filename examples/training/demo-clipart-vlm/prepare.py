"""Write the files of the model folder that need no training.

    python3 prepare.py ../../models/demo-clipart-vlm
"""
import sys

import config
import files

if __name__ == "__main__":
    files.write(sys.argv[1], config.CONFIG)
