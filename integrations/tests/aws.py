"""Arranges AWS's services at a server, and reads back what they hold, by AWS's own client for Python.

    aws.py URL arrange         makes a user, a role, a bucket, queues and topics; prints the keys as JSON, and from
                               then on the server checks each request's signature and whether it is allowed
    aws.py URL check COUNT     lets so many requests through before it goes on checking: moto knows none without keys
    aws.py URL s3 BUCKET       prints the objects of a bucket, sorted by their names
    aws.py URL lake FOLDER     writes the objects of the bucket of a data lake into a folder
    aws.py URL sqs QUEUE       prints what a queue has, and takes it out
"""

import json
import os
import pathlib
import sys
import urllib.request

import boto3

REGION = "eu-west-1"
URL, COMMAND, *REST = sys.argv[1:]


def client(service):
    key, secret = os.environ.get("KEY", "first"), os.environ.get("SECRET", "first")
    return boto3.client(
        service, REGION, endpoint_url=URL, aws_access_key_id=key, aws_secret_access_key=secret
    )


def policy(statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def arrange():
    """The user may do everything, the role only what a hub has to."""
    iam, s3, sqs, sns = (client(service) for service in ("iam", "s3", "sqs", "sns"))
    iam.create_user(UserName="hub")
    everything = policy({"Action": "*", "Resource": "*"})
    iam.put_user_policy(UserName="hub", PolicyName="everything", PolicyDocument=everything)
    trust = policy({"Action": "sts:AssumeRole", "Principal": {"AWS": "*"}})
    role = iam.create_role(RoleName="alerts", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    sending = policy({"Action": ["s3:PutObject", "sqs:SendMessage*", "sns:Publish*"], "Resource": "*"})
    iam.put_role_policy(RoleName="alerts", PolicyName="sending", PolicyDocument=sending)
    for name in ("alerts", "aws-security-data-lake"):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    for name in ("plain", "ordered.fifo", "subscribed", "subscribed.fifo"):
        fifo = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
        sqs.create_queue(QueueName=name, Attributes=fifo)
    topics = {}
    for name, queue in (("plain", "subscribed"), ("ordered.fifo", "subscribed.fifo")):
        fifo = {"FifoTopic": "true"} if name.endswith(".fifo") else {}
        topics[name] = sns.create_topic(Name=name, Attributes=fifo)["TopicArn"]
        arn = f"arn:aws:sqs:{REGION}:123456789012:{queue}"
        raw = {"RawMessageDelivery": "true"}
        sns.subscribe(TopicArn=topics[name], Protocol="sqs", Endpoint=arn, Attributes=raw)
    keys = iam.create_access_key(UserName="hub")["AccessKey"]
    check_after(0)
    print(json.dumps({"key": keys["AccessKeyId"], "secret": keys["SecretAccessKey"], "role": role, "topics": topics}))


def check_after(count):
    headers = {"Content-Type": "text/plain"}
    request = urllib.request.Request(f"{URL}/moto-api/reset-auth", str(count).encode(), headers)
    urllib.request.urlopen(request).close()


def objects(name):
    s3 = client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
        for entry in page.get("Contents", []):
            yield entry["Key"], s3.get_object(Bucket=name, Key=entry["Key"])["Body"].read()


def bucket(name):
    for _, body in objects(name):
        print(body.decode())


def lake(folder):
    for key, body in objects("aws-security-data-lake"):
        path = pathlib.Path(folder, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)


def queue(name):
    sqs = client("sqs")
    url = f"{URL}/123456789012/{name}"
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        for number, entry in enumerate(found):
            print(entry["Body"])
            found[number] = {"Id": str(number), "ReceiptHandle": entry["ReceiptHandle"]}
        sqs.delete_message_batch(QueueUrl=url, Entries=found)


{"arrange": arrange, "check": check_after, "s3": bucket, "lake": lake, "sqs": queue}[COMMAND](*REST)
