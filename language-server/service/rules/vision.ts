import type { JsonValue } from '../../../models/formats/model-description';
import { namesOf } from '../../../models/formats/config/config-reader';
import { numberField } from '../../../models/formats/config/json-values';
import type { JsonObject } from '../../../models/formats/config/config-reader';
import type { ConfigPart } from '../parts';
import { isObject } from '../json-document';
import { relatedField, replaceValue } from '../places';
import type { Rule } from './rule';
import { own } from '../own';

const part = (parts: readonly ConfigPart[], name: string): ConfigPart | undefined =>
  parts.find(({ path }) => path.length === 1 && path[0] === name);

/** Types that cut off the pixels that fill no patch and whose position table then has fewer places than one would think. */
const fixedGrid = /^(vit|deit|clip|clip_vision_model|dinov2|beit)$/;

/** Convolutions, and attention with positions by distance or by the convolutions before it: any size of image will do. */
const noPositionTable =
  /^(segformer|swin|swinv2|swin2sr|donut-swin|convnext|convnextv2|dinov3_convnext|resnet|mobilenet_v[12]|efficientnet|dinov3_vit|detr|rt_detr|rt_detr_v2)$/;

const square = (value: JsonValue | undefined): number | undefined => {
  if (typeof value === 'number') return value;
  if (Array.isArray(value) && value.length === 2 && value[0] === value[1] && typeof value[0] === 'number')
    return value[0];
  if (isObject(value) && typeof value['height'] === 'number' && value['height'] === value['width'])
    return value['height'];
  return undefined;
};

export const patchSize: Rule = {
  code: 'patch-size',
  title: 'The patch size does not divide the image size',
  severity: 'warning',
  kinds: ['config'],
  check({ document, parts }, report) {
    for (const one of parts) {
      const image = square(one.value['image_size']);
      const patch = square(one.value['patch_size']);
      if (image === undefined || patch === undefined || !(patch > 0)) continue;
      const path = [...one.path, 'patch_size'];
      const related = [relatedField(document, [...one.path, 'image_size'], `image_size is ${image}`)];
      const known = fixedGrid.test(one.modelType ?? '');
      if (patch > image) {
        report(path, `Patches of ${patch} pixels are larger than the image of ${image}. Not one patch would fit.`, {
          part: one,
          severity: 'error',
          related,
        });
      } else if (image % patch !== 0) {
        report(
          path,
          `Patches of ${patch} pixels do not fill an image of ${image}: ${image % patch} pixels are cut off. The grid has ${Math.floor(image / patch) ** 2} patches.`,
          {
            part: one,
            severity: known ? 'warning' : 'information',
            related,
          },
        );
      }
    }
  },
};

/** The side of the square image that a preprocessor hands on, where it is fixed. */
const processedSide = (value: JsonObject): { readonly key: string; readonly side: number } | undefined => {
  const crop = value['do_center_crop'] !== false ? square(value['crop_size']) : undefined;
  if (crop !== undefined) return { key: 'crop_size', side: crop };
  if (value['do_center_crop'] === true || value['do_resize'] === false) return undefined;
  const size = square(value['size']);
  return size === undefined ? undefined : { key: 'size', side: size };
};

export const imageSizeDiffers: Rule = {
  code: 'image-size-differs',
  title: 'The preprocessor makes images of another size than the model expects',
  severity: 'warning',
  kinds: ['preprocessor', 'processor'],
  check({ document, configParts }, report) {
    const value = document.value;
    if (!isObject(value)) return;
    // Processors of transformers 5 hold the image processor inside of their own file.
    const inner = value['image_processor'];
    const [holder, path] = isObject(inner) ? [inner, ['image_processor']] : [value, []];
    const vision = part(configParts, 'vision_config') ?? configParts[0];
    const image = vision === undefined ? undefined : square(vision.value['image_size']);
    const processed = processedSide(holder);
    if (vision === undefined || image === undefined || processed === undefined || processed.side === image) return;
    if (noPositionTable.test(vision.modelType ?? configParts[0]?.modelType ?? '')) return;
    // The others interpolate their positions, tile the image, or are trained so: it is worth knowing only.
    const strict = /^(vit|deit|clip|siglip|clip_vision_model|siglip_vision_model)$/.test(
      vision.modelType ?? configParts[0]?.modelType ?? '',
    );
    report(
      [...path, processed.key],
      `Images become ${processed.side} pixels wide, and image_size of config.json is ${image}. The position table is made for ${image}.`,
      {
        part: vision,
        severity: strict && configParts[0]?.modelType === vision.modelType ? 'warning' : 'information',
        related: [{ message: `image_size is ${image}`, place: { file: 'config.json', key: 'image_size' } }],
      },
    );
  },
};

export const imageTokensDiffer: Rule = {
  code: 'image-tokens-differ',
  title: 'The processor counts image tokens otherwise than the model',
  severity: 'warning',
  kinds: ['preprocessor', 'processor'],
  check({ document, configParts }, report) {
    const value = document.value;
    const root = configParts[0];
    if (!isObject(value) || root === undefined) return;
    const vision = part(configParts, 'vision_config');
    const compare = (key: string, names: readonly string[], holder: ConfigPart | undefined): void => {
      const here = value[key];
      const there = holder === undefined ? undefined : numberField(holder.value, names);
      if (typeof here !== 'number' || there === undefined || here === there.value) return;
      report(
        [key],
        `${key} is ${here} here, and ${there.key} of config.json is ${there.value}. Text and image would disagree on the number of image tokens.`,
        {
          part: root,
          related: [{ message: `${there.key} is ${there.value}`, place: { file: 'config.json', key: there.key } }],
          fixes: [
            {
              title: `Change to ${there.value}`,
              changes: replaceValue(document, [key], String(there.value)),
              preferred: true,
            },
          ],
        },
      );
    };
    compare('patch_size', ['patch_size'], vision);
    compare('temporal_patch_size', ['temporal_patch_size'], vision);
    compare('merge_size', ['spatial_merge_size'], vision);
    compare('image_seq_length', ['mm_tokens_per_image', 'image_seq_length'], root);
    compare('num_additional_image_tokens', ['num_additional_image_tokens'], root);
  },
};

/** Which width of the vision part must equal the hidden size of the language model, by model type (transformers 4.57). */
const projected: Readonly<Record<string, string>> = {
  qwen2_vl: 'hidden_size',
  qwen2_5_vl: 'out_hidden_size',
  qwen3_vl: 'out_hidden_size',
  qwen3_vl_moe: 'out_hidden_size',
  qwen3_5: 'out_hidden_size',
  qwen3_5_moe: 'out_hidden_size',
  glm4v: 'out_hidden_size',
  paligemma: 'projection_dim',
};

export const projectorWidth: Rule = {
  code: 'projector-width',
  title: 'The vision part is projected to another width than the language model has',
  severity: 'error',
  kinds: ['config'],
  check({ document, parts }, report) {
    const root = parts[0];
    const vision = part(parts, 'vision_config');
    const key = own(projected, root?.modelType ?? '');
    if (root === undefined || vision === undefined || key === undefined) return;
    const text = part(parts, 'text_config') ?? root;
    const width = numberField(vision.value, [key]);
    // PaliGemma writes hidden_size at the top only for its own use; the language model's is in text_config.
    const hidden = numberField(text.value, ['hidden_size']);
    if (width === undefined || hidden === undefined || width.value === hidden.value) return;
    // Qwen2-VL before 4.45 wrote embed_dim alone and left hidden_size to the class.
    const textPath = [...text.path, 'hidden_size'];
    report(
      [...vision.path, key],
      `The vision part ends ${width.value} wide, the language model is ${hidden.value} wide. ${key} must equal hidden_size of the language model.`,
      {
        part: root,
        related: [relatedField(document, textPath, `hidden_size is ${hidden.value}`)],
        fixes: [
          {
            title: `Change ${key} to ${hidden.value}`,
            changes: replaceValue(document, [...vision.path, key], String(hidden.value)),
            preferred: true,
          },
        ],
      },
    );
  },
};

export const visionFeatureLayer: Rule = {
  code: 'vision-feature-layer',
  title: 'A layer of the vision part is named that does not exist',
  severity: 'error',
  kinds: ['config'],
  check({ document, parts }, report) {
    const root = parts[0];
    const vision = part(parts, 'vision_config');
    if (root === undefined || vision === undefined) return;
    const layers = numberField(vision.value, namesOf('num_hidden_layers'));
    if (layers === undefined) return;
    const related = [
      relatedField(document, [...vision.path, layers.key], `the vision part has ${layers.value} layers`),
    ];
    const each = (
      path: readonly (string | number)[],
      value: JsonValue | undefined,
      [low, high]: readonly [low: number, high: number],
      outcome?: string,
    ): void => {
      const list = Array.isArray(value) ? (value as readonly JsonValue[]) : [value];
      list.forEach((layer, index) => {
        if (typeof layer !== 'number' || (layer >= low && layer <= high)) return;
        const key = String(path.at(-1));
        report(
          Array.isArray(value) ? [...path, index] : path,
          `${key} ${layer} does not exist: the vision part has ${layers.value} layers. It runs from ${low} to ${high}.${outcome === undefined ? '' : ` ${outcome}`}`,
          { part: root, related, ...(outcome === undefined ? {} : { severity: 'warning' as const }) },
        );
      });
    };
    // The list of hidden states starts with the embedding, so layer L is at index L.
    each(['vision_feature_layer'], root.value['vision_feature_layer'], [-layers.value - 1, layers.value]);
    // Each layer asks whether its number is in these lists, so that the model loads all the same (transformers 5.2).
    const numbers: readonly [number, number] = [0, layers.value - 1];
    const unread = 'The model loads, and this number has no effect.';
    for (const key of ['deepstack_visual_indexes', 'fullatt_block_indexes'])
      each([...vision.path, key], vision.value[key], numbers, unread);
  },
};
