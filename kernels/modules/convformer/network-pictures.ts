/** What ConvFormer shows of the first clip. */
import { under } from '../../module-parts/weights';
import type { Tensors } from '../../module';
import type { Picture } from '../../picture';
import { tensor, type Tensor } from '../../tensors/tensor';
import type { AttentionSize } from './attention';
import { kernelPicture, mapPicture, sharesPicture } from './pictures';
import { joints } from './skeleton';

interface Block {
  readonly prefix: string;
  readonly size: AttentionSize;
}

interface Shown {
  readonly parameters: { readonly frames: number };
  readonly weights: Tensors;
  /** [b, T, 2 J] */
  readonly seen: Tensor;
  /** [b, J, 3] */
  readonly pose: Tensor;
  readonly maps: readonly { readonly prefix: string; readonly map: Tensor }[];
  readonly blocks: { readonly spatial: readonly Block[]; readonly temporal: readonly Block[] };
  readonly parametersAt: (frames: number) => number;
}

const count = joints.length;

/** Chains of joints, by their places in the list. */
const limbs = [
  { title: 'spine and head', chain: [0, 7, 8, 9, 10] },
  { title: 'right leg', chain: [0, 1, 2, 3] },
  { title: 'left leg', chain: [0, 4, 5, 6] },
  { title: 'right arm', chain: [8, 14, 15, 16] },
  { title: 'left arm', chain: [8, 11, 12, 13] },
] as const;

/** Limbs as lines, y up. */
const skeleton = (points: (joint: number) => readonly [number, number]) =>
  limbs.map(({ title, chain }) => ({
    title,
    mark: 'line' as const,
    points: chain.map((joint) => {
      const [x, y] = points(joint);
      return { x, y: -y, label: joints[joint] };
    }),
  }));

/** The map of the middle frame of the first clip: spatial blocks run over all frames as a batch. */
function middle(map: Tensor, frame: number): Tensor {
  const size = map.data.length / map.shape[0]!;
  return tensor([1, ...map.shape.slice(1)], map.data.slice(frame * size, (frame + 1) * size));
}

export function networkPictures(shown: Shown): readonly Picture[] {
  const { parameters, weights, seen, pose, maps, blocks, parametersAt } = shown;
  const frame = Math.floor(parameters.frames / 2);
  const at2d = (joint: number): readonly [number, number] => {
    const from = frame * 2 * count + 2 * joint;
    return [seen.data[from]!, seen.data[from + 1]!];
  };
  const at3d = (joint: number): readonly [number, number] => [pose.data[3 * joint]!, pose.data[3 * joint + 1]!];
  const depth = joints.map((_, joint) => ({ x: joint, y: pose.data[3 * joint + 2]! }));
  const sizes = [9, 27, 81, 143, 243];
  const mapOf = (prefix: string): Tensor => maps.find((each) => each.prefix === prefix)!.map;
  return [
    {
      kind: 'chart',
      id: 'seen',
      title: 'The middle frame as given',
      caption:
        'Lines between the 2-D joints of the middle frame; a person stands upright where the joints are in the order of Human3.6M.',
      x: { title: 'x', unit: '', scale: 'linear' },
      y: { title: 'y, up', unit: '', scale: 'linear' },
      series: skeleton(at2d),
    },
    {
      kind: 'chart',
      id: 'pose',
      title: 'The pose from the front',
      caption:
        'Sideways and upward coordinates of the 3-D pose that the network gives for the middle frame; with seeded weights it is no person.',
      x: { title: 'x', unit: '', scale: 'linear' },
      y: { title: 'y, up', unit: '', scale: 'linear' },
      series: skeleton(at3d),
    },
    {
      kind: 'chart',
      id: 'depth',
      title: 'Depth of each joint',
      caption: 'The third number of each joint, which the frames must tell, since no joint is given with its depth.',
      x: { title: 'Joint', unit: '', scale: 'category', categories: [...joints] },
      y: { title: 'z', unit: '', scale: 'linear' },
      series: [{ title: 'middle frame', mark: 'bars', points: depth }],
    },
    ...blocks.spatial.flatMap(({ prefix, size }, at): readonly Picture[] => {
      const words = { id: `spatial-${at}-`, of: `, spatial block ${at + 1}`, position: 'Joint', labels: joints };
      const own = under(weights, `${prefix}attn.`);
      return [
        mapPicture(middle(mapOf(prefix), frame), words),
        sharesPicture(own, size, words),
        kernelPicture(own, size, words),
      ];
    }),
    ...blocks.temporal.flatMap(({ prefix, size }, at): readonly Picture[] => {
      const words = { id: `temporal-${at}-`, of: `, temporal block ${at + 1}`, position: 'Frame' };
      const own = under(weights, `${prefix}attn.`);
      return [mapPicture(mapOf(prefix), words), sharesPicture(own, size, words), kernelPicture(own, size, words)];
    }),
    {
      kind: 'chart',
      id: 'parameters',
      title: 'Parameters by number of frames',
      caption:
        'The temporal kernels hold T x T numbers for each tap: from about 81 frames on the count grows nearly with the square.',
      x: { title: 'Frames', unit: '', scale: 'log2' },
      y: { title: 'Parameters', unit: '', scale: 'log10' },
      series: [
        { title: 'these settings', mark: 'line', points: sizes.map((x) => ({ x, y: parametersAt(x) })) },
        {
          title: 'this clip',
          mark: 'points',
          points: [{ x: parameters.frames, y: parametersAt(parameters.frames) }],
        },
      ],
    },
  ];
}
