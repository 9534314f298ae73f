/** What names of timm's architectures say: `vit_base_patch16_224` is a width, a depth, heads, the side of a patch and of a picture. */

export interface TimmViT {
  readonly kind: 'vit';
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  readonly networkSize: number;
  readonly gated: boolean;
  readonly patch: number;
  /** Pixels of a side. */
  readonly image: number;
  /** Positions in front of the patches: class, distillation, registers. */
  readonly extraTokens: number;
  /** The plain ViT of timm 1.0: no other norms, scales, pooling or positions, so that its tensors are known. */
  readonly plain: boolean;
}

export interface TimmSwin {
  readonly kind: 'swin';
  readonly width: number;
  readonly depths: readonly number[];
  readonly heads: readonly number[];
  readonly window: number;
  readonly patch: number;
  readonly image: number;
}

/** Networks of convolutions, by their widths and blocks where those are written down here. */
interface TimmConvolutions {
  readonly kind: 'convolutions';
  readonly title: string;
  readonly widths: readonly number[];
  readonly depths: readonly number[];
}

export type TimmArchitecture = TimmViT | TimmSwin | TimmConvolutions;

/** Width, depth, heads, and the width of the network where it is not four times as wide (timm 1.0, vision_transformer.py). */
type Row = readonly [width: number, depth: number, heads: number, networkSize?: number];

const vits: Readonly<Record<string, Row>> = {
  tiny: [192, 12, 3],
  small: [384, 12, 6],
  medium: [512, 12, 8],
  base: [768, 12, 12],
  large: [1024, 24, 16],
  huge: [1280, 32, 16],
  giant: [1408, 40, 16, 6144],
  gigantic: [1664, 48, 16, 8192],
  so150m: [896, 18, 14, 2304],
  so400m: [1152, 27, 16, 4304],
};

/** EVA-02: gated, at two thirds of four times the width; the larger ones of EVA are plain. */
const evas: Readonly<Record<string, Row>> = {
  eva02_tiny: [192, 12, 3, 512],
  eva02_small: [384, 12, 6, 1024],
  eva02_base: [768, 12, 12, 2048],
  eva02_large: [1024, 24, 16, 2730],
  eva_large: [1024, 24, 16],
  eva_giant: [1408, 40, 16, 6144],
  eva02_enormous: [1792, 64, 16, 15360],
};

const swins: Readonly<Record<string, readonly [width: number, depths: readonly number[], heads: readonly number[]]>> = {
  tiny: [96, [2, 2, 6, 2], [3, 6, 12, 24]],
  small: [96, [2, 2, 18, 2], [3, 6, 12, 24]],
  base: [128, [2, 2, 18, 2], [4, 8, 16, 32]],
  large: [192, [2, 2, 18, 2], [6, 12, 24, 48]],
};

const convNexts: Readonly<Record<string, readonly [widths: readonly number[], depths: readonly number[]]>> = {
  atto: [
    [40, 80, 160, 320],
    [2, 2, 6, 2],
  ],
  femto: [
    [48, 96, 192, 384],
    [2, 2, 6, 2],
  ],
  pico: [
    [64, 128, 256, 512],
    [2, 2, 6, 2],
  ],
  nano: [
    [80, 160, 320, 640],
    [2, 2, 8, 2],
  ],
  tiny: [
    [96, 192, 384, 768],
    [3, 3, 9, 3],
  ],
  small: [
    [96, 192, 384, 768],
    [3, 3, 27, 3],
  ],
  base: [
    [128, 256, 512, 1024],
    [3, 3, 27, 3],
  ],
  large: [
    [192, 384, 768, 1536],
    [3, 3, 27, 3],
  ],
  xlarge: [
    [256, 512, 1024, 2048],
    [3, 3, 27, 3],
  ],
  huge: [
    [352, 704, 1408, 2816],
    [3, 3, 27, 3],
  ],
  xxlarge: [
    [384, 768, 1536, 3072],
    [3, 4, 30, 3],
  ],
};

/** Blocks in the four stages of ResNets; those of 50 layers and more make their output four times as wide. */
const resNets: Readonly<Record<string, readonly number[]>> = {
  resnet18: [2, 2, 2, 2],
  resnet34: [3, 4, 6, 3],
  resnet50: [3, 4, 6, 3],
  resnet101: [3, 4, 23, 3],
  resnet152: [3, 8, 36, 3],
};

const sized = (name: string): { readonly patch: number; readonly image: number } | undefined => {
  const patch = /patch(\d{1,3})/.exec(name)?.[1];
  if (patch === undefined) return undefined;
  const image = /_(\d{2,4})$/.exec(name)?.[1];
  return { patch: Number(patch), image: Number(image ?? 224) };
};

function vitOf([width, depth, heads, networkSize]: Row, name: string): TimmViT | undefined {
  const sides = sized(name);
  if (sides === undefined) return undefined;
  const distilled = name.includes('distilled');
  const registers = Number(/_reg(\d{1,2})/.exec(name)?.[1] ?? 0);
  const isPooled = /siglip|_gap_|rope/.test(name);
  // DINOv2's giant has its own sizes and a gated network.
  const isDinoGiant = /^vit_giant_patch14(_reg4)?_dinov2/.test(name);
  return {
    kind: 'vit',
    width: isDinoGiant ? 1536 : width,
    depth,
    heads: isDinoGiant ? 24 : heads,
    networkSize: isDinoGiant ? 4096 : (networkSize ?? 4 * width),
    gated: isDinoGiant || /^eva02_(tiny|small|base|large)/.test(name),
    ...sides,
    ...(name.includes('dinov2') && !/_\d{3}$/.test(name) ? { image: 518 } : {}),
    extraTokens: (isPooled ? 0 : distilled ? 2 : 1) + registers,
    plain: /^(vit|deit)_(tiny|small|base|large|huge|giant|gigantic)_patch\d+_\d+$/.test(name),
  };
}

/** The transformer that a name of timm's stands for; undefined where it stands for none, or is not known here. */
export function timmViT(written: string): TimmViT | undefined {
  // The tag behind the point says how it was trained.
  const name = written.replace(/\..*$/, '');
  const size = /^(?:vit|deit3?|beit|beitv2|vitamin)_([a-z\d]+)_/.exec(name)?.[1] ?? '';
  const row = Object.hasOwn(vits, size) ? vits[size] : undefined;
  if (row !== undefined && !name.startsWith('vitamin')) return vitOf(row, name);
  const eva = /^(eva(?:02)?_[a-z]+)_patch/.exec(name)?.[1] ?? '';
  const found = Object.hasOwn(evas, eva) ? evas[eva] : undefined;
  return found === undefined ? undefined : vitOf(found, name);
}

export function timmArchitecture(written: string): TimmArchitecture | undefined {
  const vit = timmViT(written);
  if (vit !== undefined) return vit;
  const name = written.replace(/\..*$/, '');
  const swin = /^swin(?:v2)?_(tiny|small|base|large)_(?:patch4_)?window(\d{1,2})/.exec(name);
  const row = swins[swin?.[1] ?? ''];
  if (swin !== null && row !== undefined) {
    const [width, depths, heads] = row;
    const image = Number(/_(\d{2,4})$/.exec(name)?.[1] ?? 224);
    return { kind: 'swin', width, depths, heads, window: Number(swin[2]), patch: 4, image };
  }
  const convNext = /^convnext(?:v2)?_([a-z]+)/.exec(name)?.[1] ?? '';
  const stages = Object.hasOwn(convNexts, convNext) ? convNexts[convNext] : undefined;
  if (stages !== undefined) return { kind: 'convolutions', title: 'ConvNeXt', widths: stages[0], depths: stages[1] };
  const depths = Object.hasOwn(resNets, name) ? resNets[name] : undefined;
  if (depths === undefined) return undefined;
  const wide = /resnet(18|34)$/.test(name) ? 1 : 4;
  return { kind: 'convolutions', title: 'ResNet', widths: [64, 128, 256, 512].map((width) => wide * width), depths };
}
