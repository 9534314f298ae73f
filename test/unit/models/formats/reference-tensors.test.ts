/** Names and shapes of tensors that transformers itself saved, against those that the layouts give: one checkpoint a class. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describeModel } from '../../../../models/formats/describe-model';
import { readSafetensorsHeader } from '../../../../models/formats/safetensors/read-header';
import { compareTensors } from '../../../../models/formats/compare-tensors';

const reference = resolve('..', 'shared', 'reference');
const folders = existsSync(reference)
  ? readdirSync(reference).filter((name) => existsSync(join(reference, name, 'model.safetensors')))
  : [];

/** Checkpoints that differ from what is published of their family, each for its reason. */
const differing: ReadonlyMap<string, string> = new Map([
  ['dbrx--DbrxForCausalLM', 'its experts have another width than its stream, which no model can have'],
  [
    'gemma3n--Gemma3nForCausalLM',
    'the development version wrote language_model into the name of a map that holds "model." inside',
  ],
  [
    'glm_moe_dsa--GlmMoeDsaForCausalLM',
    'the development version had no module for the indexer, and its config no heads of it',
  ],
  [
    'longcat_flash--LongcatFlashForCausalLM',
    'the class makes two of three maps for experts that give what they read, and uses none of them',
  ],
  [
    'qwen3_vl_moe--Qwen3VLMoeForConditionalGeneration',
    'the development version did not turn the matrices that it took apart',
  ],
]);

/** Classes whose tensors are not written down, though their family is known. */
const notInFull: readonly string[] = [
  'audio_spectrogram_transformer--ASTModel',
  'aya_vision--AyaVisionForConditionalGeneration',
  'blip--BlipModel',
  'blip_2--Blip2ForImageTextRetrieval',
  'blip_2--Blip2TextModelWithProjection',
  'clap--ClapModel',
  'cohere2_vision--Cohere2VisionForConditionalGeneration',
  'deepseek_vl--DeepseekVLForConditionalGeneration',
  'depth_anything--DepthAnythingForDepthEstimation',
  'detr--DetrForObjectDetection',
  'dpt--DPTForDepthEstimation',
  'dpt--DPTForSemanticSegmentation',
  'florence2--Florence2ForConditionalGeneration',
  // Integers and their scales stand beside the weights.
  'ibert--IBertForMaskedLM',
  'idefics2--Idefics2ForConditionalGeneration',
  'llava_next_video--LlavaNextVideoForConditionalGeneration',
  'ovis2--Ovis2ForConditionalGeneration',
  'reformer--ReformerModel',
  'video_llama_3--VideoLlama3ForConditionalGeneration',
  'video_llava--VideoLlavaForConditionalGeneration',
  'vipllava--VipLlavaForConditionalGeneration',
];

const configOf = (folder: string): unknown =>
  JSON.parse(readFileSync(join(reference, folder, 'config.json'), 'utf8')) as unknown;

/** What a comparison finds, in a line; empty where all names and shapes are the expected ones. */
async function differences(folder: string): Promise<string> {
  const header = await readSafetensorsHeader(join(reference, folder, 'model.safetensors'));
  assert.ok(header.ok, folder);
  const compared = compareTensors(describeModel(configOf(folder)), header.header.tensors);
  assert.ok(compared, folder);
  const { missing, mismatched, unexpected } = compared;
  return [
    ...missing.map(({ name, shape }) => `missing ${name} [${shape.join()}]`),
    ...mismatched.map(({ name, expected, found }) => `${name} is [${found.join()}], not [${expected.join()}]`),
    ...unexpected.map((name) => `unexpected ${name}`),
  ].join('; ');
}

describe('tensors of checkpoints of transformers', () => {
  if (folders.length === 0) return;
  const known = folders.filter((folder) => describeModel(configOf(folder)).family !== 'generic');

  it(`of ${known.length} classes of known families all but ${notInFull.length} are known in full`, () => {
    const open = known.filter((folder) => !describeModel(configOf(folder)).exact);
    assert.deepEqual(open.toSorted(), [...notInFull].toSorted());
  });

  it('every tensor has the name and the shape that its layout gives', async () => {
    const unlike: string[] = [];
    for (const folder of known) {
      if (notInFull.includes(folder)) continue;
      const found = await differences(folder);
      if (differing.has(folder)) assert.notEqual(found, '', `${folder} is as expected now`);
      else if (found !== '') unlike.push(`${folder}: ${found.slice(0, 400)}`);
    }
    assert.deepEqual(unlike, []);
  });
});
