import { folder } from './caret';
import type { Surroundings } from './caret';
import type { RuleCases } from './rule-case';

const repository: Surroundings = { name: '.headscope.json' };
const beside = (...files: readonly string[]): Surroundings => ({
  ...repository,
  ...folder(['.headscope.json', ...files]),
});

export const headscopeFileCases: RuleCases = {
  fires: [
    ['{"severity": {|"kv-heads-do-not-divde"|: "off"}}', repository],
    ['{"severity": {"key-misspelt": |"warn"|}}', repository],
    ['{|"severty"|: {}}', repository],
    ['{"severity": |["key-misspelt"]|}', repository],
    ['{"deviceMemoryGB": |"24"|}', repository],
    ['{"deviceMemoryGB": |-1|}', repository],
    ['{"exclude": ["old/**", |"{a,b}/*"|]}', repository],
    ['{"exclude": [|"../other"|]}', repository],
    ['{"baseline": |"/known.json"|}', repository],
    ['{"baseline": |"\\u0000"|}', repository],
    ['{"baseline": |"known.json"|}', beside('config.json')],
    ['{"families": |{}|}', repository],
    ['{"families": [{"modelType": "acme", "like": |"lama"|}]}', repository],
    ['{"families": [{"modelType": "acme", "kyes": |{}|}]}', repository],
    ['|[|]', repository],
  ],
  silent: [
    ['{}', repository],
    [
      '{"$schema": "x", "severity": {"key-misspelt": "off", "json-invalid": "hint"}, "deviceMemoryGB": 0, "exclude": ["old/**", "*.bak.json"]}',
      repository,
    ],
    ['{"baseline": "known.json"}', beside('known.json')],
    ['{"baseline": "ci/known.json", "families": [{"modelType": "acme", "like": "llama"}]}', repository],
    '{"model_type": "llama", "severity": {"no-rule": "off"}}',
  ],
};
