-- Since when it fails to be found out whose an event is that does not say so: after a day it is put aside for an operator.
alter table billing.inbox add column failing_since timestamptz;
