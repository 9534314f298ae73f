import { isObject } from '../json-document';
import type { JsonObject } from '../../../models/formats/config/config-reader';
import type { ConfigPart } from '../parts';
import { isSurely, nearestName, plainLetters } from '../../../protocol/wire/nearest-name';
import { own } from '../own';
import { changeName, relatedField } from '../places';
import { dtypeMeantBy, dtypeNames, isCertainDtype } from './names';
import type { Rule } from './rule';

/** Names of transformers' QuantizationMethod (4.30 to 5.x, read November 2026). */
const methodNames = [
  'aqlm',
  'auto-round',
  'awq',
  'bitnet',
  'bitsandbytes',
  'compressed-tensors',
  'eetq',
  'fbgemm_fp8',
  'fouroversix',
  'fp8',
  'fp_quant',
  'gptq',
  'higgs',
  'hqq',
  'metal',
  'modelopt',
  'mxfp4',
  'mxfp8',
  'quanto',
  'quark',
  'sinq',
  'spqr',
  'torchao',
  'vptq',
] as const;

/** What vLLM, SGLang, ExLlama and other loaders read besides. */
const otherMethods: ReadonlySet<string> = new Set([
  'ascend',
  'auto_awq',
  'auto_gptq',
  'awq_marlin',
  'bitblas',
  'deepseek_v4_fp8',
  'deepspeedfp',
  'exl2',
  'exl3',
  'experts_int8',
  'fp8_per_block',
  'fp8_per_channel',
  'fp8_per_tensor',
  'gemma',
  'gguf',
  'gpt_oss_mxfp4',
  'gptq_bitblas',
  'gptq_marlin',
  'gptq_marlin_24',
  'humming',
  'inc',
  'int8_per_channel_weight_only',
  'intel/auto-round',
  'ipex',
  'marlin',
  'mlx',
  'modelopt_fp4',
  'modelopt_mixed',
  'modelopt_mxfp8',
  'moe_wna16',
  'neuron_quant',
  'nvfp4',
  'nvfp4_per_token',
  'online',
  'petit_nvfp4',
  'ptpc_fp8',
  'qoq',
  'quip',
  'rtn',
  'sdnq',
  'sparseml',
  'squeezellm',
  'svdquant',
  'tpu_int8',
  'w4afp8',
  'w8a8_fp8',
  'w8a8_int8',
]);

/** Tools and formats by another name, letters and digits only. */
const synonyms: Readonly<Record<string, string>> = {
  autoawq: 'awq',
  bitsandbytes4bit: 'bitsandbytes',
  bitsandbytes8bit: 'bitsandbytes',
  bnb: 'bitsandbytes',
  bnb4bit: 'bitsandbytes',
  bnb8bit: 'bitsandbytes',
  gptqmodel: 'gptq',
  llmcompressor: 'compressed-tensors',
  nvidiamodelopt: 'modelopt',
};

const digits = (name: string): string => name.replace(/\D/g, '');
const byLetters = new Map<string, string>(methodNames.map((name) => [plainLetters(name), name]));

const meantBy = (name: string): string | undefined => {
  const plain = plainLetters(name);
  const word = byLetters.get(plain) ?? own(synonyms, plain);
  if (word !== undefined) return word;
  // fp4 and fp8 are one digit apart, and are two formats.
  const near = nearestName(name.toLowerCase(), methodNames, plain.length > 7 ? 2 : 1);
  return near !== undefined && plain.length > 3 && digits(near) === digits(name) ? near : undefined;
};

const eachConfig = (
  parts: readonly ConfigPart[],
  visit: (config: JsonObject, path: readonly (string | number)[], part: ConfigPart) => void,
): void => {
  for (const part of parts) {
    const config = part.value['quantization_config'];
    if (isObject(config)) visit(config, [...part.path, 'quantization_config'], part);
  }
};

export const quantMethodUnknown: Rule = {
  code: 'quant-method-unknown',
  title: 'quant_method names no quantisation that loaders know',
  severity: 'error',
  kinds: ['config'],
  check({ document, parts }, report) {
    eachConfig(parts, (config, base, part) => {
      const method = config['quant_method'];
      if (typeof method !== 'string' || (methodNames as readonly string[]).includes(method)) return;
      const small = method.toLowerCase();
      if (otherMethods.has(small)) return;
      const near = meantBy(method);
      const path = [...base, 'quant_method'];
      report(
        path,
        near === undefined
          ? `"${method}" is no quantisation method of transformers or vLLM that Headscope knows. A loader needs code of its own for it; usual are gptq, awq, bitsandbytes, fp8 and compressed-tensors.`
          : `"${method}" is not a quantisation method; did you mean "${near}"? transformers refuses a name that is not written exactly so.`,
        {
          part,
          // vLLM makes the letters small before it compares.
          severity: near === undefined ? 'information' : near === small ? 'warning' : 'error',
          fixes: near === undefined ? [] : [changeName(document, path, near, isSurely(method, near))],
        },
      );
    });
  },
};

/** Fields of bitsandbytes that mean 4 bits, with what they are when nobody sets them (transformers writes them always). */
const fourBitDefaults = { bnb_4bit_quant_type: 'fp4', bnb_4bit_use_double_quant: false } as const;

const isSet = (config: JsonObject, key: 'load_in_4bit' | 'load_in_8bit'): boolean =>
  config[key] === true || (config[key] === undefined && config[`_${key}`] === true);

export const bitsandbytesContradicts: Rule = {
  code: 'bitsandbytes-contradicts',
  title: 'Fields of bitsandbytes contradict each other or have unknown values',
  severity: 'error',
  kinds: ['config'],
  check({ document, parts }, report) {
    eachConfig(parts, (config, base, part) => {
      const four = isSet(config, 'load_in_4bit');
      const eight = isSet(config, 'load_in_8bit');
      if (config['quant_method'] !== 'bitsandbytes' && !four && !eight) return;
      const at = (key: string): readonly (string | number)[] => [...base, key];
      if (four && eight) {
        const key = config['load_in_8bit'] === undefined ? '_load_in_8bit' : 'load_in_8bit';
        report(
          at(key),
          'load_in_4bit and load_in_8bit are both true. Loaders refuse it; keep the one that the weights are stored in.',
          {
            part,
            related: [
              relatedField(
                document,
                at(config['load_in_4bit'] === undefined ? '_load_in_4bit' : 'load_in_4bit'),
                'load_in_4bit is true',
              ),
            ],
          },
        );
      } else if (config['load_in_4bit'] === false && config['load_in_8bit'] === false) {
        report(
          at('load_in_4bit'),
          'load_in_4bit and load_in_8bit are both false, so nothing is quantised. Set one, or take quantization_config out.',
          {
            part,
            severity: 'warning',
            related: [relatedField(document, at('load_in_8bit'), 'load_in_8bit is false')],
          },
        );
      } else if (eight) {
        for (const [key, usual] of Object.entries(fourBitDefaults)) {
          const value = config[key];
          if (value === undefined || value === null || value === usual) continue;
          report(at(key), `${key} is for 4 bits, and load_in_8bit is true. The field has no effect.`, {
            part,
            severity: 'information',
            related: [relatedField(document, at('load_in_8bit'), 'load_in_8bit is true')],
          });
        }
      }
      const type = config['bnb_4bit_quant_type'];
      if (typeof type === 'string' && type !== 'fp4' && type !== 'nf4') {
        const near =
          plainLetters(type) === 'fp4' || plainLetters(type) === 'float4'
            ? 'fp4'
            : /^n(f|ormalfloat|ormfloat)?4$/.test(plainLetters(type))
              ? 'nf4'
              : undefined;
        report(
          at('bnb_4bit_quant_type'),
          `"${type}" is not a 4-bit format of bitsandbytes. There are "nf4" and "fp4".`,
          {
            part,
            fixes: near === undefined ? [] : [changeName(document, at('bnb_4bit_quant_type'), near, true)],
          },
        );
      }
      for (const key of ['bnb_4bit_compute_dtype', 'bnb_4bit_quant_storage']) {
        const value = config[key];
        if (typeof value !== 'string') continue;
        const name = value.replace(/^torch\./, '');
        if (name !== 'auto' && (dtypeNames as readonly string[]).includes(name)) continue;
        const near = dtypeMeantBy(name);
        report(
          at(key),
          `"${value}" is not a dtype that torch knows${near === undefined ? '.' : `; did you mean "${near}"?`} ${key} takes a name such as bfloat16 or uint8.`,
          {
            part,
            fixes: near === undefined ? [] : [changeName(document, at(key), near, isCertainDtype(name, near))],
          },
        );
      }
    });
  },
};
