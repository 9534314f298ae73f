/** The analysis `attention-influence`: documents ranked by how much of their loss hangs on the heads that copy. */
import type { Analysis } from '../../analysis';
import { headList } from '../../shared/retrieval/head-list';
import { compare } from './compare';
import { finding, offers } from './finding';
import { influenceRun } from './influence-run';
import { parameters, type Parameters } from './parameters';
import { influenceResult, type InfluenceResult } from './result';
import { sections } from './sections';
import { tokenView } from './token-view';

/** About the length of a token in English text; the tokens of a corpus are not known before it is read. */
const bytesPerToken = 4;
/** Bytes of a token in memory. */
const tokenBytes = 4;

export const attentionInfluence: Analysis<Parameters, InfluenceResult> = {
  id: 'attention-influence',
  title: 'Attention influence',
  question: 'Which documents lean on the heads that copy from far back?',
  group: 'retrieval',
  source: {
    reference: 'arXiv:2505.07293, section 3 and Appendix C (AttentionInfluence)',
    trust: 'medium',
    note: 'Choices of Headscope (docs/analyses/attention-influence.md), the first of them: a masked head weighs the keys up to its own position alike, since 1/L over the whole sequence would read the future.',
  },
  inputs: ['corpus'],
  parameters,
  result: influenceResult,
  supports(facts, { heads }) {
    if (!facts.predicts) {
      return {
        ok: false,
        why: 'The model predicts no next token, so documents have no loss. Choose a language model.',
      };
    }
    const given = headList(heads, facts);
    return given.ok ? { ok: true } : given;
  },
  estimate(facts, { corpus }, given) {
    const { bytes = 0, documents = [] } = corpus ?? {};
    const read = Math.min(given.documents, documents.length > 0 ? documents.length : given.documents);
    const tokens = bytes / bytesPerToken;
    const window = Math.min(given.window, facts.summary.contextLength ?? given.window);
    const windows = documents.length > 0 ? read + Math.floor(tokens / window) : Math.ceil(tokens / window);
    const probes = given.heads.trim() === '' ? given.probes : 0;
    return { passes: probes + windows * (2 + given.control), bytes: tokens * tokenBytes };
  },
  run: influenceRun,
  ask: tokenView,
  finding,
  sections,
  compare,
  offers,
};
