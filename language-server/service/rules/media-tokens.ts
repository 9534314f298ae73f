import type { JsonValue } from '../../../models/formats/model-description';
import type { JsonObject } from '../../../models/formats/config/config-reader';
import type { ConfigPart } from '../parts';
import type { FolderFacts } from '../folder-facts';
import { isObject } from '../json-document';
import { own } from '../own';
import { replaceValue } from '../places';
import type { Rule } from './rule';

type Names = Readonly<Record<string, string>>;

const qwenVision: Names = {
  image_token_id: '<|image_pad|>',
  video_token_id: '<|video_pad|>',
  vision_start_token_id: '<|vision_start|>',
  vision_end_token_id: '<|vision_end|>',
};
const plainImage: Names = { image_token_index: '<image>', image_token_id: '<image>', video_token_index: '<video>' };

/**
 * The tokens that ids of a config stand for, by model type, as processors of transformers 4.57 name them. Where a file of the
 * processor or the tokenizer gives another name (LLaVA with Pixtral's `[IMG]` as `image_token`), that one counts. Of types
 * that are absent the files are no help: `image_token` of Aya Vision is another token than the one pictures take the place of.
 */
const tokensOfType: Readonly<Record<string, Names>> = {
  gemma3: {
    image_token_index: '<image_soft_token>',
    boi_token_index: '<start_of_image>',
    eoi_token_index: '<end_of_image>',
  },
  glm4v: {
    image_token_id: '<|image|>',
    video_token_id: '<|video|>',
    image_start_token_id: '<|begin_of_image|>',
    image_end_token_id: '<|end_of_image|>',
    video_start_token_id: '<|begin_of_video|>',
    video_end_token_id: '<|end_of_video|>',
  },
  idefics2: plainImage,
  idefics3: plainImage,
  llama4: { image_token_index: '<|patch|>' },
  llava: plainImage,
  llava_next: plainImage,
  llava_onevision: plainImage,
  mistral3: { image_token_index: '[IMG]' },
  mllama: { image_token_index: '<|image|>' },
  paligemma: plainImage,
  qwen2_audio: { audio_token_index: '<|AUDIO|>' },
  qwen2_vl: qwenVision,
  qwen2_5_vl: qwenVision,
  qwen3_vl: qwenVision,
  qwen3_vl_moe: qwenVision,
  qwen3_5: qwenVision,
  qwen3_5_moe: qwenVision,
  smolvlm: plainImage,
  voxtral: { audio_token_id: '[AUDIO]' },
};
/** Types whose image token has its name in the code of the processor, whatever a file calls `image_token`. */
const namedInCode = /^(llama4|mllama)$/;

/** The ids of tokens by their text, from the most complete file there is. */
const idsIn = (
  facts: FolderFacts,
): { readonly ids: ReadonlyMap<string, number>; readonly file: string } | undefined => {
  const { tokenizer, companions } = facts;
  if (tokenizer?.named !== undefined) return { ids: tokenizer.named.ids, file: 'tokenizer.json' };
  const settings = companions['tokenizer_config.json'];
  const decoder = isObject(settings) ? settings['added_tokens_decoder'] : undefined;
  if (isObject(decoder)) {
    const entries = Object.entries(decoder).flatMap(([id, token]) =>
      isObject(token) && typeof token['content'] === 'string' && /^\d+$/.test(id)
        ? [[token['content'], Number(id)] as const]
        : [],
    );
    return { ids: new Map(entries), file: 'tokenizer_config.json' };
  }
  const added = companions['added_tokens.json'];
  if (!isObject(added)) return undefined;
  const entries = Object.entries(added).flatMap(([token, id]) =>
    typeof id === 'number' ? [[token, id] as const] : [],
  );
  return { ids: new Map(entries), file: 'added_tokens.json' };
};

const textOf = (value: JsonValue | undefined): string | undefined =>
  typeof value === 'string' ? value : isObject(value) ? textOf(value['content']) : undefined;

/** What the files of a processor and a tokenizer call a token; undefined where they say nothing, null where they disagree. */
const nameInFiles = ({ companions }: FolderFacts, field: string): string | null | undefined => {
  const settings = companions['tokenizer_config.json'];
  const holders: readonly (JsonObject | undefined)[] = [
    companions['processor_config.json'],
    settings,
    isObject(settings) ? settings['extra_special_tokens'] : undefined,
  ].map((one) => (isObject(one) ? one : undefined));
  const names = new Set(holders.flatMap((holder) => textOf(holder?.[field]) ?? []));
  return names.size > 1 ? null : [...names][0];
};

/** What a token is about by its text, for models whose names of tokens are not known. */
const mediumOf = (text: string): 'image' | 'video' | 'audio' | undefined => {
  const found = (['image', 'video', 'audio'] as const).filter((word) => text.toLowerCase().includes(word));
  return found.length === 1 ? found[0] : undefined;
};

export const mediaTokenDiffers: Rule = {
  code: 'media-token-differs',
  title: 'The id of an image, video or audio token is not the one of the tokenizer',
  severity: 'error',
  kinds: ['config'],
  check({ document, parts, facts }, report) {
    const known = idsIn(facts);
    if (known === undefined) return;
    const { ids, file } = known;
    let texts: ReadonlyMap<number, string> | undefined;
    const textAt = (id: number): string | undefined =>
      (texts ??= new Map([...ids].map(([text, one]) => [one, text]))).get(id);
    for (const { part, key, id } of mediaIds(parts)) {
      const type = part.modelType ?? '';
      const here = textAt(id);
      const inTable = own(own(tokensOfType, type) ?? {}, key);
      const inFiles =
        inTable === undefined || namedInCode.test(type)
          ? undefined
          : nameInFiles(facts, key.replace(/_(id|index)$/, ''));
      if (inFiles === null) continue;
      const name = inFiles ?? inTable;
      const right = name === undefined ? undefined : ids.get(name);
      const path = [...part.path, key];
      const related = [{ message: file, place: { file } }];
      if (name !== undefined && right !== undefined) {
        if (right === id) continue;
        report(
          path,
          `${key} ${id} is ${here ?? 'another token'} in ${file}, and ${name} has the id ${right}. The model would look for the wrong token in every text.`,
          {
            part,
            related,
            fixes: [
              { title: `Change to ${right}`, changes: replaceValue(document, path, String(right)), preferred: true },
            ],
          },
        );
        continue;
      }
      const medium = mediumOf(key);
      const other = here === undefined ? undefined : mediumOf(here);
      if (medium === undefined || other === undefined || medium === other) continue;
      report(path, `${key} ${id} is ${here} in ${file}, a token for ${other}. The ids of two kinds may be exchanged.`, {
        part,
        // A model may let one token stand for two kinds.
        severity: 'information',
        related,
      });
    }
  },
};

interface MediaId {
  readonly part: ConfigPart;
  readonly key: string;
  readonly id: number;
}

/** Ids of media in the part that reads them; the talker of an omni model repeats those of its thinker. */
const mediaIds = (parts: readonly ConfigPart[]): readonly MediaId[] =>
  parts
    .filter(({ path, role }) => path.length === 0 || (role === 'text' && path.at(-1) === 'thinker_config'))
    .flatMap((part) =>
      Object.entries(part.value).flatMap(([key, id]) =>
        // A negative id is a placeholder that no tokenizer has (the original LLaVA).
        /^(image|video|audio|vision|boi|eoi)(_start|_end)?_token_(id|index)$/.test(key) &&
        typeof id === 'number' &&
        id >= 0
          ? [{ part, key, id }]
          : [],
      ),
    );
