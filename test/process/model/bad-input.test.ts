/** Models and prompts that cannot be run: each answered with one sentence, a next step and its exit code. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeSafetensors, writeShards } from '../../support/safetensors-file';
import { tinyModel, tinyTensors, writeConfig, writeTinyModel } from '../../support/checkpoints/tiny-models';
import { writeByteLevelTokenizer } from '../../support/checkpoints/tokenizers';
import { shortDemoLm } from '../../support/demo-models';
import { buildServer, Place } from './support/model-server';

const llama = tinyModel('llama');
const ids = ['--ids', '5,9,5,9,12,5'];

interface Case {
  readonly name: string;
  readonly make: (folder: string) => void;
  readonly words?: readonly string[];
  readonly code: 2 | 3;
  readonly sentence: RegExp;
}

/** The llama with some numbers of one tensor replaced. */
function withNumbers(folder: string, name: string, change: (data: Float32Array) => void): void {
  const tensors = tinyTensors(llama);
  const tensor = tensors.get(name);
  assert.ok(tensor, name);
  change(tensor.data);
  writeConfig(folder, llama.config);
  writeSafetensors(join(folder, 'model.safetensors'), tensors);
}

/** The llama with fields of its config replaced. */
const withFields =
  (fields: Readonly<Record<string, unknown>>) =>
  (folder: string): void => {
    writeTinyModel(folder, llama);
    writeConfig(folder, { ...llama.config, ...fields });
  };

/** Windows has no pipes that lie in a folder. */
const pipes: readonly Case[] =
  process.platform === 'win32'
    ? []
    : ['config.json', 'tokenizer.json', 'tokenizer_config.json'].map((name) => ({
        name: `a pipe for ${name}`,
        make(folder) {
          writeTinyModel(folder, llama);
          writeByteLevelTokenizer(folder);
          rmSync(join(folder, name), { force: true });
          execFileSync('mkfifo', [join(folder, name)]);
        },
        words: ['heads', '--prompt', 'abba'],
        code: 3,
        sentence: new RegExp(`${name.replace('.', '\\.')} is not read: it is a named pipe, no regular file`),
      }));

const cases: readonly Case[] = [
  ...pipes,
  {
    name: 'a million layers, in the words of the language server',
    make: withFields({ num_hidden_layers: 1e6 }),
    code: 3,
    sentence: /num_hidden_layers is 1000000; more than 2048 layers are not read\. Correct the config\./,
  },
  ...[0, -3, 2.5].map((layers): Case => ({
    name: `${layers} layers, in the words of the language server`,
    make: withFields({ num_hidden_layers: layers }),
    code: 3,
    sentence: new RegExp(
      `num_hidden_layers should be a whole number from 1, and is ${layers}\\. Correct the config\\.`,
    ),
  })),
  {
    name: 'no heads, in the words of the language server',
    make: withFields({ num_attention_heads: 0 }),
    code: 3,
    sentence: /num_attention_heads is 0; it must be a whole number above 0\./,
  },
  {
    name: 'a config that is too large to be one',
    make(folder) {
      writeTinyModel(folder, llama);
      truncateSync(join(folder, 'config.json'), 100_000_000);
    },
    code: 3,
    sentence:
      /config\.json is not read: it has 100000000 bytes, and at most 16000000 are read\. Fetch the file again\./,
  },
  {
    name: 'a link to a config outside the folder',
    make(folder) {
      writeTinyModel(folder, llama);
      renameSync(join(folder, 'config.json'), `${folder}-config.json`);
      symlinkSync(`${folder}-config.json`, join(folder, 'config.json'));
    },
    code: 3,
    sentence: /config\.json is outside the model folder and is not read\. Put the file into the folder\./,
  },
  {
    name: 'a link to a tokenizer outside the folder',
    make(folder) {
      writeTinyModel(folder, llama);
      writeByteLevelTokenizer(folder);
      renameSync(join(folder, 'tokenizer.json'), `${folder}-tokenizer.json`);
      symlinkSync(`${folder}-tokenizer.json`, join(folder, 'tokenizer.json'));
    },
    words: ['heads', '--prompt', 'abba'],
    code: 3,
    sentence: /tokenizer\.json is outside the model folder and is not read; give token ids instead\./,
  },
  {
    name: 'an index of shards that is no JSON',
    make(folder) {
      writeConfig(folder, llama.config);
      writeShards(folder, tinyTensors(llama), 2);
      writeFileSync(join(folder, 'model.safetensors.index.json'), '{');
    },
    code: 3,
    sentence: /model\.safetensors\.index\.json: The file is not valid JSON: .*[^.]\. Fetch the file again\./,
  },
  {
    name: 'a folder that is not there',
    make: () => {},
    code: 3,
    sentence: /There is no such folder\. Check the path\./,
  },
  {
    name: 'a folder without config.json',
    make: (folder) => mkdirSync(folder),
    code: 3,
    sentence: /has no config\.json\. Choose a Hugging Face model folder/,
  },
  {
    name: 'a config that is no JSON',
    make(folder) {
      mkdirSync(folder);
      writeFileSync(join(folder, 'config.json'), '{"model_type": "llama",');
    },
    code: 3,
    sentence: /Its config\.json cannot be read/,
  },
  {
    name: 'a folder without weights',
    make: (folder) => writeConfig(folder, llama.config),
    code: 3,
    sentence: /holds no model\.safetensors and no index of shards\. Fetch the weights in the safetensors format/,
  },
  {
    name: 'a missing shard, in the words of the language server',
    make(folder) {
      writeConfig(folder, llama.config);
      const [, second = ''] = writeShards(folder, tinyTensors(llama), 3);
      rmSync(join(folder, second));
    },
    code: 3,
    sentence: /model-00002-of-00003\.safetensors is missing, and other files of the model are here\. Download it again/,
  },
  {
    name: 'a tensor of another shape, in the words of the language server',
    make(folder) {
      writeTinyModel(folder, llama);
      writeConfig(folder, { ...llama.config, num_key_value_heads: 4 });
    },
    code: 3,
    sentence: /layers\.0\.self_attn\.k_proj\.weight is \[16, 32\], and the config makes it \[32, 32\]/,
  },
  {
    name: 'a tensor that is not there',
    make(folder) {
      const tensors = tinyTensors(llama);
      tensors.delete('model.layers.1.mlp.up_proj.weight');
      writeConfig(folder, llama.config);
      writeSafetensors(join(folder, 'model.safetensors'), tensors);
    },
    code: 3,
    sentence: /The weights lack model\.layers\.1\.mlp\.up_proj\.weight.*Download the whole checkpoint/,
  },
  {
    name: 'weights of a family without biases under a config of one with them',
    make: withFields({ model_type: 'qwen2', architectures: ['Qwen2ForCausalLM'] }),
    code: 3,
    sentence:
      /The weights lack model\.layers\.0\.self_attn\.q_proj\.bias and 5 more\. Correct the config, or fetch the weights/,
  },
  {
    name: 'weights without the output head that the config counts on its own',
    make(folder) {
      const tensors = tinyTensors(llama);
      tensors.delete('lm_head.weight');
      writeConfig(folder, llama.config);
      writeSafetensors(join(folder, 'model.safetensors'), tensors);
    },
    code: 3,
    sentence: /The weights lack lm_head\.weight\. Correct the config/,
  },
  {
    name: 'a truncated file',
    make(folder) {
      writeTinyModel(folder, llama);
      truncateSync(join(folder, 'model.safetensors'), 20_000);
    },
    code: 3,
    sentence: /model\.safetensors: .* are not within the \d+ bytes of data\. Fetch the file again\./,
  },
  {
    name: 'a family that is not known',
    make(folder) {
      writeTinyModel(folder, llama);
      writeConfig(folder, { ...llama.config, model_type: 'perceptron9', architectures: ['Perceptron9'] });
    },
    code: 3,
    sentence: /does not run the family "perceptron9" yet; docs\/families\.md lists those that it runs\./,
  },
  {
    name: 'weights of a quantiser that is not known',
    make(folder) {
      writeTinyModel(folder, llama);
      writeConfig(folder, { ...llama.config, quantization_config: { quant_method: 'aqlm' } });
    },
    code: 3,
    sentence: /weights are quantised \(aqlm\) in a form that Headscope does not read.*or the unquantised checkpoint/,
  },
  {
    name: 'a rotary form without its numbers',
    make(folder) {
      writeTinyModel(folder, llama);
      writeConfig(folder, { ...llama.config, rope_scaling: { rope_type: 'llama3', factor: 8 } });
    },
    code: 3,
    sentence: /needs low_freq_factor in the config\. Correct rope_scaling/,
  },
  {
    name: 'a link to a file outside the folder',
    make(folder) {
      writeTinyModel(`${folder}-other`, llama);
      writeConfig(folder, llama.config);
      symlinkSync(join(`${folder}-other`, 'model.safetensors'), join(folder, 'model.safetensors'));
    },
    code: 3,
    sentence: /model\.safetensors is outside the model folder and is not read\. Put the file into the folder/,
  },
  {
    name: 'NaN in the weights of a layer',
    make: (folder) => withNumbers(folder, 'model.layers.1.mlp.down_proj.weight', (data) => (data[7] = Number.NaN)),
    code: 3,
    sentence: /Layer 1 gives numbers that are not finite .* at token 0 of the prompt.*fetch them again/,
  },
  {
    name: 'NaN in the embedding of one token of the prompt',
    make: (folder) => withNumbers(folder, 'model.embed_tokens.weight', (data) => (data[12 * 32] = Number.NaN)),
    code: 3,
    sentence: /The embedding gives numbers that are not finite .* at token 4 of the prompt/,
  },
  {
    name: 'infinity in the language head',
    make: (folder) => withNumbers(folder, 'lm_head.weight', (data) => (data[0] = Infinity)),
    words: ['generate'],
    code: 3,
    sentence: /The language head gives numbers that are not finite/,
  },
  {
    name: 'a prompt longer than the context',
    make: (folder) => void writeTinyModel(folder, llama),
    words: ['heads', '--ids', Array.from({ length: 130 }, () => 3).join(',')],
    code: 2,
    sentence: /The prompt has 130 tokens and the model's context holds 128\. Shorten it by 2\./,
  },
  {
    name: 'a token id outside the vocabulary',
    make: (folder) => void writeTinyModel(folder, llama),
    words: ['generate', '--ids', '3,61'],
    code: 2,
    sentence: /Token id 61 is outside the vocabulary of 61\./,
  },
  {
    name: 'text without a tokenizer',
    make: (folder) => void writeTinyModel(folder, llama),
    words: ['heads', '--prompt', 'hello'],
    code: 3,
    sentence: /has no tokenizer\.json, so text cannot be read; give token ids instead\./,
  },
  {
    name: 'a tokenizer that is no JSON',
    make(folder) {
      writeTinyModel(folder, llama);
      writeFileSync(join(folder, 'tokenizer.json'), '{');
    },
    words: ['heads', '--prompt', 'hello'],
    code: 3,
    sentence: /tokenizer\.json cannot be used .*give token ids instead\./,
  },
  {
    name: 'a gain on a head that is not there',
    make: (folder) => void writeTinyModel(folder, llama),
    words: ['map', '--layer', '0', '--head', '0', '--gain', '1.4=0', ...ids],
    code: 2,
    sentence: /There is no head 4 in layer 1: it has 4 query heads, from 0\./,
  },
  {
    name: 'a gain that no float32 holds',
    make: (folder) => void writeTinyModel(folder, llama),
    words: ['heads', '--gain', '0.0=1e400', ...ids],
    code: 2,
    sentence: /"0\.0=1e400" is no gain: gain is not a number from -1000000 to 1000000\./,
  },
  {
    name: 'a causal check without labels',
    make: (folder) => void writeTinyModel(folder, llama),
    words: ['heads', '--causal', '--no-classify', ...ids],
    code: 2,
    sentence: /--causal removes the labelled heads, and --no-classify labels none\. Leave one of them out\./,
  },
  {
    name: 'a factor in another notation than the decimal',
    make: (folder) => void writeTinyModel(folder, llama),
    words: ['generate', '--vhr', '--alpha', '0x10', ...ids],
    code: 2,
    sentence: /The factor alpha is "0x10"\. Give a finite number/,
  },
  {
    name: 'a memory limit below one layer, with the bytes of both',
    make: (folder) => void writeTinyModel(folder, llama),
    words: ['heads', '--memory-limit', '1KB', ...ids],
    code: 3,
    sentence:
      /Layer 0 takes [\d.]+ kB when it is opened and the memory limit is 1\.0 kB\. Raise the limit \(.*--memory-limit\)/,
  },
  {
    name: 'a head that is not there',
    make: (folder) => void writeTinyModel(folder, llama),
    words: ['map', '--layer', '2', '--head', '0', ...ids],
    code: 2,
    sentence: /there is no layer 2 head 0 in this model/,
  },
  {
    name: 'generation with a bidirectional model',
    make: (folder) => void writeTinyModel(folder, tinyModel('bert')),
    words: ['generate', ...ids],
    code: 3,
    sentence:
      /^This is not supported: The model reads in both directions and predicts masked tokens, not the next one\./m,
  },
  {
    name: 'a run that does not fit into memory',
    make(folder) {
      writeTinyModel(folder, llama);
      writeConfig(folder, { ...llama.config, max_position_embeddings: 100_000 });
    },
    words: ['heads', '--memory-limit', '4MB', '--ids', Array.from({ length: 5000 }, () => 3).join(',')],
    code: 3,
    sentence: /This needs .* and the limit is .*Choose a length of at most \d+, or raise the memory limit\./,
  },
  {
    name: 'a chunk that does not fit into memory',
    make(folder) {
      writeTinyModel(folder, llama);
      writeConfig(folder, { ...llama.config, max_position_embeddings: 100_000 });
    },
    words: [
      'heads',
      '--memory-limit',
      '16MB',
      '--chunk',
      '5000',
      '--ids',
      Array.from({ length: 5000 }, () => 3).join(','),
    ],
    code: 3,
    sentence: /This needs .* and the limit is .*Choose a length of at most \d+/,
  },
];

describe('models and prompts that cannot be run', function () {
  this.timeout(60_000);
  let place: Place;
  before(buildServer);
  beforeEach(() => {
    place = new Place();
  });
  afterEach(() => place.remove());

  for (const { name, make, words = ['heads'], code: expected, sentence } of cases) {
    it(name, async () => {
      const folder = place.at('model');
      make(folder);
      const [command = '', ...options] = words;
      const prompt = options.some((word) => word === '--ids' || word === '--prompt') ? [] : ids;
      const { code, stdout, stderr } = await place.headscope([command, folder, ...options, ...prompt, '--json', '-']);
      assert.match(stderr, sentence);
      assert.equal(code, expected, stderr);
      assert.equal(stderr.trim().split('\n').length, 1, stderr);
      assert.equal(stdout, '');
    });
  }

  for (const [name, text, sentence] of [
    ['is no JSON', '{', /gains\.json is not valid JSON .* Correct it\.$/],
    [
      'is another file',
      '{"kind": "headscope-heads"}',
      /gains\.json is not a saved intervention: kind is not "headscope-intervention", so this is not a saved intervention/,
    ],
    [
      'has an entry that is no gain',
      '{"kind": "headscope-intervention", "gains": [{"layer": 0, "head": 1, "gain": 0}, {"layer": 0, "head": "1"}]}',
      /gains\.json is not a saved intervention: gains\[1\]\.head is not a whole number from 0 to 65536\./,
    ],
    [
      'names a head that is not there',
      '{"kind": "headscope-intervention", "gains": [{"layer": 9, "head": 1, "gain": 0}]}',
      /There is no layer 9: the model has 2, from 0\./,
    ],
  ] as const) {
    it(`a file of gains that ${name}`, async () => {
      writeTinyModel(place.at('model'), llama);
      writeFileSync(place.at('gains.json'), text);
      const words = ['heads', place.at('model'), '--gains', place.at('gains.json'), ...ids];
      const { code, stdout, stderr } = await place.headscope(words);
      assert.match(stderr.trim(), sentence);
      assert.equal(code, 2, stderr);
      assert.equal(stdout, '');
    });
  }

  // Like `pipes`.
  const posix = process.platform === 'win32' ? [] : ['generation_config.json'];
  for (const name of posix) {
    it(`a pipe for ${name} does not hold the run up`, async () => {
      writeTinyModel(place.at('model'), llama);
      execFileSync('mkfifo', [place.at('model', name)]);
      const { code, stderr } = await place.headscope(['generate', place.at('model'), ...ids, '--max-new-tokens', '1']);
      assert.equal(code, 0, stderr);
    });
  }

  it('says which tensors a run leaves unread, in the words of the language server', async () => {
    const folder = place.at('model');
    writeTinyModel(folder, llama);
    writeConfig(folder, { ...llama.config, num_hidden_layers: 1 });
    const sentence = 'The weights have layer 1, beyond num_hidden_layers 1. They would be left unread.';
    for (const words of [['heads'], ['generate', '--max-new-tokens', '1'], ['map', '--layer', '0', '--head', '0']]) {
      const [command = '', ...options] = words;
      const { code, stdout, stderr } = await place.headscope([command, folder, ...options, ...ids, '--json', '-']);
      assert.equal(code, 0, stderr);
      assert.equal(stderr, `${sentence}\n`);
      assert.deepEqual((JSON.parse(stdout) as { model: { notes: string[] } }).model.notes, [sentence]);
    }
    writeTinyModel(folder, tinyModel('qwen2'));
    writeConfig(folder, llama.config);
    // Biases that the config switches off: a run with them and one without are two models.
    const others = await place.headscope(['heads', folder, ...ids]);
    assert.equal(others.code, 3, others.stderr);
    assert.match(
      others.stderr,
      /cannot be run: The weights hold model\.layers\.0\.self_attn\.q_proj\.bias, .* and 1 more, which the config does not ask for\. Correct the config, or fetch the weights that belong to it\.\n$/,
    );
  });

  it('counts one token as one, and says in what the loss changes', async () => {
    writeTinyModel(place.at('model'), llama);
    const one = await place.headscope(['heads', place.at('model'), '--ids', '7', '--gain', '0.0=.5']);
    assert.equal(one.code, 0, one.stderr);
    assert.match(one.stdout, /have a label on 1 token\./);
    const demo = await place.headscope(['heads', shortDemoLm, '--ids', '1,2,3,1,2,3']);
    assert.match(
      demo.stdout,
      /on 6 tokens\. Checked: recording did not change the output\.[^]*loss change without \(nats\)/,
    );
  });

  it('token ids need no tokenizer', async () => {
    writeTinyModel(place.at('model'), llama);
    assert.equal(existsSync(place.at('model', 'tokenizer.json')), false);
    const { code, stderr } = await place.headscope(['heads', place.at('model'), ...ids]);
    assert.equal(code, 0, stderr);
  });

  it('a result that the full disk does not take', async () => {
    // Linux has a device that is always full; elsewhere a folder that is not there refuses the file as well.
    const full = existsSync('/dev/full') ? '/dev/full' : place.at('nowhere', 'heads.json');
    writeTinyModel(place.at('model'), llama);
    const { code, stderr } = await place.headscope(['heads', place.at('model'), ...ids, '--json', full]);
    assert.match(stderr.trim(), /was not written\. (The disk is full\. Free|Its folder does not exist\. Make) .*\.$/);
    // A folder that is not there is seen before anything is run.
    assert.equal(code, full === '/dev/full' ? 3 : 2, stderr);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
  });
});
