// Compares the JavaScript tokenizer that the product uses with the ids written by tokenizer_samples.py:
//   node check-tokenizer.mjs ../../models/demo-lm /tmp/samples.jsonl
import { readFileSync } from 'node:fs';
import { Tokenizer } from '@huggingface/tokenizers';

const [folder, samples] = process.argv.slice(2);
const json = (name) => JSON.parse(readFileSync(`${folder}/${name}`, 'utf8'));
const tokenizer = new Tokenizer(json('tokenizer.json'), json('tokenizer_config.json'));

let count = 0;
let wrong = 0;
for (const line of readFileSync(samples, 'utf8').trimEnd().split('\n')) {
  const { text, ids, decoded } = JSON.parse(line);
  const encoded = tokenizer.encode(text).ids;
  const back = tokenizer.decode(encoded, { skip_special_tokens: true, clean_up_tokenization_spaces: false });
  count += 1;
  if (JSON.stringify(encoded) !== JSON.stringify(ids) || back !== decoded || decoded !== text) {
    wrong += 1;
    console.error({ text, expected: ids, encoded: [...encoded], decoded, back });
  }
}
console.log(`${count} texts, ${wrong} differ`);
process.exitCode = wrong === 0 && count > 0 ? 0 : 1;
