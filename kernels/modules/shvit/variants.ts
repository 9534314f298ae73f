/** Sizes of the SHViT networks: channels, depths and attended channels of the three stages (model/build.py). */
export interface Variant {
  readonly channels: readonly [number, number, number];
  readonly depths: readonly [number, number, number];
  /** Unused in the first stage, whose blocks have no attention. */
  readonly partial: readonly [number, number, number];
  /** Side of the picture, as published. */
  readonly side: number;
}

export const variants: Readonly<Record<string, Variant>> = {
  S1: { channels: [128, 224, 320], depths: [2, 4, 5], partial: [32, 48, 68], side: 224 },
  S2: { channels: [128, 308, 448], depths: [2, 4, 5], partial: [32, 66, 96], side: 224 },
  S3: { channels: [192, 352, 448], depths: [3, 5, 5], partial: [48, 75, 96], side: 224 },
  S4: { channels: [224, 336, 448], depths: [4, 7, 6], partial: [48, 72, 96], side: 256 },
  tiny: { channels: [16, 24, 32], depths: [1, 1, 1], partial: [4, 6, 8], side: 64 },
};

/** Width of queries and keys in every variant. */
export const qkDim = 16;
