/**
 * `preprocessor_config.json` (or `image_processor` of `processor_config.json`) as settings: what is done to a picture before
 * it is cut into patches. Keys and the defaults of each class as in transformers 4.57 `image_processing_*.py`, the ones that
 * work on Pillow images; the torchvision ("fast") classes resample with other roundings.
 */
import { filters, type Filter } from './resample';

export type Size =
  | { readonly kind: 'exact'; readonly height: number; readonly width: number }
  | { readonly kind: 'shortest-edge'; readonly edge: number }
  | { readonly kind: 'longest-edge'; readonly edge: number };

export interface ProcessorSettings {
  /** `image_processor_type`, e.g. `CLIPImageProcessor`. */
  readonly type: string;
  readonly resize: Size | undefined;
  readonly filter: Filter;
  readonly crop: { readonly height: number; readonly width: number } | undefined;
  /** Factor on the 8-bit values; 1 when they are not rescaled. */
  readonly rescale: number;
  /** Per channel; undefined when values are not normalised. */
  readonly normalise: { readonly mean: readonly number[]; readonly deviation: readonly number[] } | undefined;
  /** LLaVA-NeXT. */
  readonly pinpoints: readonly (readonly [height: number, width: number])[] | undefined;
  /** Idefics3: edge of a tile, and whether large pictures are split into tiles at all. */
  readonly tile: { readonly edge: number; readonly split: boolean } | undefined;
  /** What the processor's file says of the tokens, where it does. */
  readonly claims: {
    readonly patch?: number;
    readonly selectStrategy?: string;
    readonly tokens?: number;
    readonly leading?: number;
  };
}

/** The file does not say what a processor does: one sentence. */
export class ProcessorError extends Error {
  override readonly name = 'ProcessorError';
}

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const clip = { mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711] };
const half = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };
const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

interface ClassDefaults {
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly resample: number;
  readonly size: Json;
  readonly crop?: number;
  /** A bare number as `size` is the shortest edge (else both sides). */
  readonly numberIsShortestEdge?: boolean;
}

const clipDefaults: ClassDefaults = {
  ...clip,
  resample: 3,
  size: { shortest_edge: 224 },
  crop: 224,
  numberIsShortestEdge: true,
};
const square = (edge: number): Json => ({ height: edge, width: edge });
const splitting: ClassDefaults = { ...half, resample: 1, size: { longest_edge: 4 * 364 } };

/** By class without its ending (`ImageProcessor`, `FeatureExtractor`, `Fast`). */
const classes: Readonly<Record<string, ClassDefaults>> = {
  CLIP: clipDefaults,
  Llava: clipDefaults,
  LlavaNext: { ...clipDefaults, size: { shortest_edge: 336 }, crop: 336 },
  Siglip: { ...half, resample: 3, size: square(224) },
  ViT: { ...half, resample: 2, size: square(224) },
  DeiT: { ...imagenet, resample: 3, size: square(256), crop: 224 },
  Bit: { ...clipDefaults },
  Idefics3: splitting,
  SmolVLM: splitting,
};

/** `own` is preprocessor_config.json, `joint` processor_config.json; either may be absent. Throws ProcessorError. */
export function readProcessor(own: unknown, joint: unknown): ProcessorSettings {
  const whole = isObject(joint) ? joint : {};
  const nested = whole['image_processor'];
  const file = isObject(own) ? own : isObject(nested) ? nested : undefined;
  if (!file) throw new ProcessorError('There is no preprocessor_config.json that says how a picture is prepared.');
  const written = file['image_processor_type'] ?? file['feature_extractor_type'];
  const type = typeof written === 'string' ? written : 'CLIPImageProcessor';
  const defaults = classes[type.replace(/(ImageProcessor|FeatureExtractor)(Fast|Pil)?$/, '')];
  if (!defaults) {
    const known = Object.keys(classes).map((name) => `${name}ImageProcessor`);
    throw new ProcessorError(`The image processor "${type}" is not supported; supported are ${known.join(', ')}.`);
  }
  const fields = new Fields(file);
  const splits = defaults === splitting;
  const cropped = fields.flag('do_center_crop', defaults.crop !== undefined && !splits);
  const rescale = fields.flag('do_rescale', true) ? fields.amount('rescale_factor', 1 / 255) : 1;
  return {
    type,
    resize: fields.flag('do_resize', true) ? sizeOf(file['size'] ?? defaults.size, defaults) : undefined,
    filter: filterOf(file['resample'] ?? defaults.resample),
    crop: cropped ? cropOf(file['crop_size'] ?? defaults.crop) : undefined,
    rescale,
    normalise: fields.flag('do_normalize', true)
      ? {
          mean: fields.channels('image_mean', defaults.mean),
          deviation: fields.channels('image_std', defaults.std),
        }
      : undefined,
    pinpoints: pinpointsOf(file['image_grid_pinpoints']),
    tile: splits
      ? { edge: edgeOf(file['max_image_size']) ?? 364, split: fields.flag('do_image_splitting', true) }
      : undefined,
    claims: claimsOf(whole),
  };
}

class Fields {
  constructor(private readonly file: Json) {}

  flag(key: string, absent: boolean): boolean {
    const value = this.file[key] ?? absent;
    if (typeof value !== 'boolean') throw new ProcessorError(`${key} is neither true nor false.`);
    return value;
  }

  amount(key: string, absent: number): number {
    const value = this.file[key] ?? absent;
    if (typeof value !== 'number' || !Number.isFinite(value)) throw new ProcessorError(`${key} is not a number.`);
    return value;
  }

  channels(key: string, absent: readonly number[]): readonly number[] {
    const value: unknown = this.file[key] ?? absent;
    const list = typeof value === 'number' ? [value, value, value] : value;
    const fits = Array.isArray(list) && list.length === 3 && list.every((each) => Number.isFinite(each));
    if (!fits || (key === 'image_std' && list.includes(0))) {
      throw new ProcessorError(`${key} is not a list of three numbers${key === 'image_std' ? ' other than 0' : ''}.`);
    }
    return list as readonly number[];
  }
}

/** Beyond this a processor's size is no size of an image. */
const largest = 16384;
const edge = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= largest ? value : undefined;

const edgeOf = (value: unknown): number | undefined => (isObject(value) ? edge(value['longest_edge']) : edge(value));

function sizeOf(value: unknown, defaults: ClassDefaults): Size {
  const number = edge(value);
  if (number !== undefined) {
    return defaults.numberIsShortestEdge
      ? { kind: 'shortest-edge', edge: number }
      : { kind: 'exact', height: number, width: number };
  }
  if (isObject(value)) {
    const [shortest, longest] = [edge(value['shortest_edge']), edge(value['longest_edge'])];
    const [height, width] = [edge(value['height']), edge(value['width'])];
    if (height !== undefined && width !== undefined) return { kind: 'exact', height, width };
    if (longest !== undefined && shortest === undefined) return { kind: 'longest-edge', edge: longest };
    if (shortest !== undefined && longest === undefined) return { kind: 'shortest-edge', edge: shortest };
  }
  throw new ProcessorError(
    `size is ${JSON.stringify(value)}, which is none of height and width, shortest_edge and longest_edge.`,
  );
}

function cropOf(value: unknown): { readonly height: number; readonly width: number } {
  const number = edge(value);
  if (number !== undefined) return { height: number, width: number };
  const [height, width] = isObject(value) ? [edge(value['height']), edge(value['width'])] : [];
  if (height === undefined || width === undefined) {
    throw new ProcessorError(`crop_size is ${JSON.stringify(value)}, which is not a height and width.`);
  }
  return { height, width };
}

function filterOf(value: unknown): Filter {
  const filter = typeof value === 'number' ? filters[value] : undefined;
  if (!filter) {
    throw new ProcessorError(
      `resample is ${JSON.stringify(value)}; Pillow's filters are ${filters.map((name, at) => `${at} ${name}`).join(', ')}.`,
    );
  }
  return filter;
}

function pinpointsOf(value: unknown): ProcessorSettings['pinpoints'] {
  if (!Array.isArray(value)) return undefined;
  return value.map((pair: unknown) => {
    const [height, width] = Array.isArray(pair) ? [edge(pair[0]), edge(pair[1])] : [];
    if (height === undefined || width === undefined) {
      throw new ProcessorError('image_grid_pinpoints is not a list of [height, width] pairs.');
    }
    return [height, width] as const;
  });
}

function claimsOf(whole: Json): ProcessorSettings['claims'] {
  const patch = edge(whole['patch_size']);
  const tokens = edge(whole['image_seq_length'] ?? whole['image_seq_len']);
  const strategy = whole['vision_feature_select_strategy'];
  const leading = whole['num_additional_image_tokens'];
  return {
    ...(patch === undefined ? {} : { patch }),
    ...(tokens === undefined ? {} : { tokens }),
    ...(typeof strategy === 'string' ? { selectStrategy: strategy } : {}),
    ...(typeof leading === 'number' ? { leading } : {}),
  };
}
