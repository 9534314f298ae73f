/** Notifications. The functions of `vscode.window` are used here alone: what they show may hold words of files. */
import * as vscode from 'vscode';
import { plainWords } from './plain-words';

export const showError = (sentence: string, ...actions: readonly string[]): Thenable<string | undefined> =>
  vscode.window.showErrorMessage(plainWords(sentence), ...actions);

export const showWarning = (sentence: string, ...actions: readonly string[]): Thenable<string | undefined> =>
  vscode.window.showWarningMessage(plainWords(sentence), ...actions);

export const showInformation = (sentence: string, ...actions: readonly string[]): Thenable<string | undefined> =>
  vscode.window.showInformationMessage(plainWords(sentence), ...actions);

/** One of several answers to a question; undefined when it was dismissed. */
export const askWhich = (
  question: string,
  detail: string,
  ...answers: readonly string[]
): Thenable<string | undefined> =>
  vscode.window.showInformationMessage(plainWords(question), { modal: true, detail: plainWords(detail) }, ...answers);

/** A question that must be answered; undefined when it was dismissed. */
export const ask = (question: string, detail: string, action: string): Thenable<string | undefined> =>
  vscode.window.showWarningMessage(plainWords(question), { modal: true, detail: plainWords(detail) }, action);
