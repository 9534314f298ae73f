/** Joints in the order of Human3.6M with 17 joints, and a stick figure that walks. */
import { random, seedFor } from '../../tensors/random';
import { zeros, type Tensor } from '../../tensors/tensor';

/** The order matters: convolutions over joints mix neighbours in this list. */
export const joints = [
  'pelvis',
  'right hip',
  'right knee',
  'right ankle',
  'left hip',
  'left knee',
  'left ankle',
  'spine',
  'thorax',
  'neck',
  'head',
  'left shoulder',
  'left elbow',
  'left wrist',
  'right shoulder',
  'right elbow',
  'right wrist',
] as const;

/** The joint that each one hangs on. */
export const parents: readonly number[] = [-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15];

/** Swing of each bone in the direction of walking, and its phase in turns: arms swing against the leg of their side. */
const swings: Readonly<Record<number, readonly [number, number]>> = {
  2: [0.5, 0],
  3: [0.7, 0.1],
  5: [0.5, 0.5],
  6: [0.7, 0.6],
  12: [0.4, 0],
  13: [0.6, 0.05],
  15: [0.4, 0.5],
  16: [0.6, 0.55],
};

/** Bones at rest, x to the side and y down, as shares of the height. */
const rest: readonly (readonly [number, number])[] = [
  [0, 0],
  [-0.07, 0],
  [0, 0.25],
  [0, 0.25],
  [0.07, 0],
  [0, 0.25],
  [0, 0.25],
  [0, -0.13],
  [0, -0.13],
  [0, -0.06],
  [0, -0.06],
  [0.1, 0],
  [0.02, 0.16],
  [0, 0.14],
  [-0.1, 0],
  [-0.02, 0.16],
  [0, 0.14],
];

/**
 * Joints of a walker [b, T, J, 3], about 1 from the pelvis at most: bone lengths, pace (24 to 40 frames for two steps) and the
 * direction of walking are drawn. The pelvis is the origin.
 */
export function walker(batch: number, frames: number, seed: number): Tensor {
  const source = random(seedFor(seed, 'walker'));
  const poses = zeros([batch, frames, joints.length, 3]);
  for (let b = 0; b < batch; b++) {
    const lengths = rest.map(() => 0.9 + 0.2 * source.uniform());
    const [turn, period, start] = [2 * Math.PI * source.uniform(), 24 + 16 * source.uniform(), source.uniform()];
    for (let t = 0; t < frames; t++) {
      for (let j = 1; j < joints.length; j++) {
        const [side, down] = rest[j]!;
        const [swing, phase] = swings[j] ?? [0, 0];
        const angle = swing * Math.sin(2 * Math.PI * (t / period + phase + start));
        const length = lengths[j]!;
        const bone = [side, down * Math.cos(angle), down * Math.sin(angle)].map((x) => x * length);
        const turned = [
          bone[0]! * Math.cos(turn) + bone[2]! * Math.sin(turn),
          bone[1]!,
          bone[2]! * Math.cos(turn) - bone[0]! * Math.sin(turn),
        ];
        const to = ((b * frames + t) * joints.length + j) * 3;
        const from = ((b * frames + t) * joints.length + parents[j]!) * 3;
        turned.forEach((x, axis) => (poses.data[to + axis] = poses.data[from + axis]! + x));
      }
    }
  }
  return poses;
}

/** What a camera 4 heights away sees of it: [b, T, 2 J], x and y of every joint in turn. */
export function projectedTo2d(poses: Tensor): Tensor {
  const [batch, frames] = poses.shape as [number, number];
  const seen = zeros([batch, frames, 2 * joints.length]);
  for (let at = 0; at < seen.data.length; at++) {
    const point = Math.floor(at / 2) * 3;
    seen.data[at] = (4 * poses.data[point + (at % 2)]!) / (4 + poses.data[point + 2]!);
  }
  return seen;
}
