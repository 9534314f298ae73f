/**
 * What runs on every Node that a supported VS Code brings, beside the whole tiers on the running one: one file for each thing
 * in which one Node differs from another where graphs run, a minute of work in all.
 */
export const files: readonly { readonly file: string; readonly because: string }[] = [
  {
    file: 'test/process/compute/float16.test.ts',
    because:
      'a float16 tensor is a Uint16Array on Node 20 and 22, a Float16Array from 24: every mechanism is run in it',
  },
  {
    file: 'test/process/compute/calls.test.ts',
    because: 'the calls of the compute server cross the IPC of Node, whose structured clone is that of its V8',
  },
  {
    file: 'test/process/compute/cancel.test.ts',
    because: 'signals, exit codes and the end of a child process: the three grades of cancelling',
  },
  {
    file: 'test/process/compute/cli-output.test.ts',
    because: 'the command line prints through the streams of Node, and draws from the table of Unicode that it brings',
  },
  {
    file: 'test/laws/kernels/decode.test.ts',
    because:
      'graphs of most mechanisms in the binding of onnxruntime itself, with state carried from step to step: in float16, whose tensors differ',
  },
  {
    file: 'test/laws/models/parity.test.ts',
    because: 'a model with its weights read from files, in the graphs of every architecture',
  },
  {
    file: 'test/unit/kernels/tensors.test.ts',
    because: 'rounding to float16 and back, in arithmetic of our own',
  },
];

/** Left out: settings in float32, which no Node carries otherwise than another, and arithmetic of our own in float64. */
export const leftOut = /^Law: (decoding position by position|one query on) .*(, float32|\})$/;
