export const LOGIN_PATH = '/ops/login';
export const BOARD_PATH = '/ops/jobs';

/** What forms are sent to. */
export const isOperatorsForm = (url: string): boolean => /^\/ops\/(login|logout)([/?]|$)/.test(url);

/** What is for operators to look at. */
export const isOperatorsPage = (url: string): boolean => /^\/ops\/?(\?|$)/.test(url) || isOperatorsForm(url);

export const isBoard = (url: string): boolean => /^\/ops\/jobs([/?]|$)/.test(url);
