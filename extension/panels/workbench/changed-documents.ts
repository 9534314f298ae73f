/** Whether the documents that a result was made of are still those in their files. */
import { basename } from 'node:path';
import type { AnalysisResult, CorpusRead } from '../../../protocol/analysis/schema';
import { FailureError } from '../../../protocol/wire/failures';
import { counted } from '../../../protocol/wire/number-words';
import { printableLine } from '../../../protocol/wire/printable';

interface Documents {
  /** Why a path is not opened. */
  readonly refusal: (path: string) => string | undefined;
  readonly corpusOf: (file: string) => Promise<CorpusRead>;
}

/** The sentence to say; undefined where they are the same, or where nobody can know. */
export async function changedDocuments(
  { input, corpus: before }: Pick<AnalysisResult, 'input' | 'corpus'>,
  { refusal, corpusOf }: Documents,
): Promise<string | undefined> {
  if (input.kind !== 'corpus' || before === undefined || refusal(input.file) !== undefined) return undefined;
  const name = printableLine(basename(input.file));
  try {
    const now = await corpusOf(input.file);
    if (now.sha256 === before.sha256) return undefined;
    const then = counted(before.documents, 'document', 'documents');
    const what = now.documents === before.documents ? '' : `: it had ${then}, and has ${now.documents} now`;
    return `${name} has changed since this result was made${what}. Run it again to read it as it is now.`;
  } catch (error) {
    if (!(error instanceof FailureError) || error.failure.code !== 'bad-request') return undefined;
    return `${name} cannot be read any more. What is shown is of its documents as they were.`;
  }
}
