import type { MarkupContent } from 'vscode-languageserver/node';
import { MarkupKind } from 'vscode-languageserver/node';
import type { Markdown } from '../../protocol/language/markdown';

/** The one place where text becomes formatted: it takes what the tag `formatted` made and nothing else. */
export const toMarkup = ({ source }: Markdown): MarkupContent => ({ kind: MarkupKind.Markdown, value: source });
